"""Random texts of all of Unicode that a C++ test repeats (tests/text/unicode_texts.cpp), so that no file holds them.

Random is src/support/random.hpp; text(i) draws in the order the C++ draws.
"""
MASK = (1 << 64) - 1
COUNT = 10000
BLOCK = 100  # texts that share one hash in the golden file

EMOJI = ["\U0001F44D\U0001F3FD", "\U0001F468\u200D\U0001F469\u200D\U0001F467", "\U0001F1E9\U0001F1EA", "\u2764\uFE0F",
         "\U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F",
         "5\uFE0F\u20E3", "\U0001FAE8", "\u270C"]
LINE_ENDS = ["\n", "\r", "\r\n", "\u0085", "\u2028", "\n\n", " \n", "\n "]
ZEROS = [0x30, 0x660, 0x966, 0xE50, 0x1810, 0xFF10, 0x104A0, 0x11DA0, 0x1D7CE, 0x1FBF0]  # ten digits follow each
CONTRACTIONS = ["'s", "'S", "'t", "'Re", "'rE", "'ve", "'VE", "'m", "'Ll", "'D", "'\u017F", "\u2019s", "'x", "''ll"]
SPACES = [" ", " ", " ", "\t", "\u00A0", "\u3000"]
MARKS = ["\u200E", "\u200F", "\u202E", "\u2067", "\uFEFF", "\u200D", "\u180E", "\u061C"]
SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|reserved_special_token_7|>",
           "<|endoftext|>", "<|im_start|>", "<|eot_id", "|>"]


class Random:
    def __init__(self, seed, stream, index=0):
        self.state = self.mix(seed)
        for byte in stream.encode():
            self.state = self.mix(self.state ^ byte)
        self.state = self.mix(self.state ^ index)

    @staticmethod
    def mix(z):
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        return self.mix(self.state)

    def below(self, bound):
        limit = MASK - (MASK % bound + 1) % bound
        value = self.next()
        while value > limit:
            value = self.next()
        return value % bound


def character(code_point):
    return "\uFFFD" if 0xD800 <= code_point < 0xE000 else chr(code_point)


def element(random):
    kind = random.below(13)
    if kind == 0:  # every plane as often
        plane = random.below(17)
        return character(plane * 0x10000 + random.below(0x10000))
    if kind == 1:  # the planes that hold letters
        return character(random.below(0x33480))
    if kind == 2:
        return character(random.below(0x3000))
    if kind == 3:
        return character(0x300 + random.below(0x70))  # combining
    if kind == 4:
        return EMOJI[random.below(len(EMOJI))]
    if kind == 5:  # C0 and C1
        return character(random.below(0x20) + (0x80 if random.below(2) else 0))
    if kind == 6:
        return LINE_ENDS[random.below(len(LINE_ENDS))]
    if kind == 7:
        zero = ZEROS[random.below(len(ZEROS))]
        return "".join(character(zero + random.below(10)) for _ in range(1 + random.below(6)))
    if kind == 8:
        return CONTRACTIONS[random.below(len(CONTRACTIONS))]
    if kind == 9:
        space = SPACES[random.below(len(SPACES))]
        return space * (1 + random.below(40))
    if kind == 10:
        return MARKS[random.below(len(MARKS))]
    if kind == 11:
        return SPECIAL[random.below(len(SPECIAL))]
    return "".join(character(0x21 + random.below(94)) for _ in range(1 + random.below(8)))


def text(index):
    random = Random(9, "unicode", index)
    return "".join(element(random) for _ in range(random.below(40)))


def fnv(value, data):
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


FNV_START = 0xCBF29CE484222325
