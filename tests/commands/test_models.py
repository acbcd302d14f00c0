#!/usr/bin/env python3
"""Models from elsewhere on the command line: bad ones are refused with their file and key named, and a bfloat16 model
keeps its bits and its companions through import and export."""
import json
import os
import shutil
import struct

from program_case import BAD_INPUT, Program, main


def tensors(path):
    """Header entries and bytes of a safetensors file."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + length])
    header.pop("__metadata__", None)
    return {name: (entry["dtype"], entry["shape"], content[8 + length:][slice(*entry["data_offsets"])])
            for name, entry in header.items()}


class BadModels(Program):
    def setUp(self):
        super().setUp()
        self.hf = self.model()

    def refused(self, *parts):
        self.fail_with(BAD_INPUT, parts, "import", "--model", "hf", "--output", "native")
        self.assertFalse((self.folder / "native").exists())

    def test_are_refused_by_import(self):
        config, weights = self.hf / "config.json", self.hf / "model.safetensors"
        whole, content = config.read_text(), weights.read_bytes()
        config.write_text(json.dumps({**json.loads(whole), "attention_bias": True}))
        self.refused("hf/config.json", "attention_bias")
        config.unlink()
        os.mkfifo(config)  # nobody writes: opening it must not wait
        self.refused("hf/config.json", "regular")
        config.unlink()
        config.write_text(whole)
        weights.write_bytes(content[:-1])
        self.refused("hf/model.safetensors", "tensor")
        shutil.move(weights, self.hf / "pytorch_model.bin")
        self.refused("hf/pytorch_model.bin", "pickle")

    def test_bfloat16_keeps_its_bits_and_its_companions(self):
        self.succeed("export", "--model", "hf", "--output", "half", "--dtype", "bfloat16")
        half = self.folder / "half"
        companions = {"generation_config.json": '{"eos_token_id": [0, 1]}', "chat_template.jinja": "{{ messages }}\n",
                      "special_tokens_map.json": "{}", "tokenizer_config.json": '{"model_max_length": 77}'}
        for name, text in companions.items():
            (half / name).write_text(text)
        done = self.succeed("import", "--model", "half", "--output", "native")
        self.assertRegex(done.stderr, r"load: [0-9.]+ [kMG]?B of half in [0-9.]+ s, [0-9.]+ GB/s")
        for start in ("native", "half"):
            done = self.succeed("export", "--model", start, "--output", f"from_{start}")
            self.assertIn("bfloat16", done.stderr)
            back = self.folder / f"from_{start}"
            self.assertEqual(tensors(back / "model.safetensors"), tensors(half / "model.safetensors"))
            self.assertEqual(json.loads((back / "config.json").read_text())["torch_dtype"], "bfloat16")
            for name, text in companions.items():
                self.assertEqual((back / name).read_text(), text)

    def test_exports_in_shards_are_the_same_model(self):
        self.succeed("export", "--model", "hf", "--output", "cut", "--max-shard-bytes", 100_000)
        shards = sorted((self.folder / "cut").glob("model-*-of-*.safetensors"))
        self.assertGreater(len(shards), 1)
        self.succeed("export", "--model", "cut", "--output", "joined")
        self.assertEqual(tensors(self.folder / "joined/model.safetensors"), tensors(self.hf / "model.safetensors"))

    def test_trained_weights_are_exported_as_they_are(self):
        self.assertEqual({dtype for dtype, _, _ in tensors(self.hf / "model.safetensors").values()}, {"F32"})


if __name__ == "__main__":
    main()
