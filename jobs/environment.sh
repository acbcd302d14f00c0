# The one place where jobs get compilers and libraries from; jobs/launch.sh reads it. Choose what your cluster has.
# shellcheck shell=bash

# Modules:
#   module purge
#   module load gcc/12 openmpi hdf5/parallel cuda nccl
# Spack (jobs/spack.yaml is the environment):
#   source "$HOME/spack/share/spack/setup-env.sh"
#   spack env activate recpo

# NCCL says what failed and stays quiet otherwise.
export NCCL_DEBUG=${NCCL_DEBUG:-WARN}
# Waiting threads sleep: spinning next to a GPU's rank only slows the others down.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
