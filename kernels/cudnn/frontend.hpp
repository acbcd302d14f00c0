#pragma once
// cudnn-frontend as this folder uses it: without its JSON, and with cuDNN behind dlopen (library.cpp). Included by
// sources of this folder only; it takes half a minute to compile.

#define NV_CUDNN_FRONTEND_USE_DYNAMIC_LOADING
#define CUDNN_FRONTEND_SKIP_JSON_LIB
#pragma GCC system_header
#include <cudnn_frontend.h>
