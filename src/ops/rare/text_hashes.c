/* SPDX-License-Identifier: Apache-2.0
 * Texts as numbers of buckets: StringToHashBucket (a form of MurmurHash64A), its Fast form
 * (FarmHash's Fingerprint64) and its Strong one (SipHash-2-4 with a key of the caller's).
 *
 * All of them are defined byte by byte: they give the same on every machine, and what TensorFlow
 * gives. Nothing but the bytes of a text is read.
 *
 * Numbers are read byte by byte, so that neither the order of bytes nor where a text lies in
 * memory matters. */
#include <string.h>

#include "ops/arrays.h"

/* Little-endian numbers at any address. */
static uint64_t read_bytes(const uint8_t *s, size_t count)
{
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++)
        value |= (uint64_t)s[i] << (8 * i);
    return value;
}
static uint64_t word(const uint8_t *s)
{
    return read_bytes(s, 8);
}
/* A rotation to the right, by 1 to 63 bits. */
static uint64_t turn(uint64_t x, int right)
{
    return x >> right | x << (64 - right);
}
/* What all three hashes of this family do to spread high bits into low ones. */
static uint64_t fold(uint64_t x)
{
    return x ^ x >> 47;
}

/* ---- Murmur ---- */

/* With 0xDECAFCAFFE, the seed of all TensorFlow's. */
static uint64_t murmur(const uint8_t *s, size_t n, const uint64_t *unused)
{
    const uint64_t m = 0xc6a4a7935bd1e995;
    uint64_t h = 0xDECAFCAFFE ^ n * m;
    (void)unused;
    for (; n >= 8; s += 8, n -= 8)
        h = (h ^ fold(word(s) * m) * m) * m;
    if (n)
        h = (h ^ read_bytes(s, n)) * m;
    return fold(fold(h) * m);
}

/* ---- FarmHash ---- */

static const uint64_t k0 = 0xc3a5c85c97cb3127, k1 = 0xb492b66fbe98f273, k2 = 0x9ae16a3b2f90404f;

/* Two numbers as one. */
static uint64_t mix(uint64_t u, uint64_t v, uint64_t by)
{
    return fold((v ^ fold((u ^ v) * by)) * by) * by;
}

/* Up to 16 bytes: the first and the last eight, which may overlap; of fewer than four bytes the
 * first, the middle and the last one. */
static uint64_t farm_to_16(const uint8_t *s, size_t n)
{
    uint64_t by = k2 + n * 2;
    if (n >= 8) {
        uint64_t a = word(s) + k2, b = word(s + n - 8);
        return mix(turn(b, 37) * by + a, (turn(a, 25) + b) * by, by);
    }
    if (n >= 4)
        return mix(n + (read_bytes(s, 4) << 3), read_bytes(s + n - 4, 4), by);
    if (!n)
        return k2;
    uint64_t y = s[0] + ((uint64_t)s[n >> 1] << 8), z = n + ((uint64_t)s[n - 1] << 2);
    return fold(y * k2 ^ z * k0) * k2;
}

/* 17 to 32 bytes, from both ends. */
static uint64_t farm_to_32(const uint8_t *s, size_t n)
{
    uint64_t by = k2 + n * 2, a = word(s) * k1, b = word(s + 8);
    uint64_t c = word(s + n - 8) * by, d = word(s + n - 16) * k2;
    return mix(turn(a + b, 43) + turn(c, 30) + d, a + turn(b + k2, 18) + c, by);
}

/* 33 to 64 bytes, from both ends, in two halves of what comes before. */
static uint64_t farm_to_64(const uint8_t *s, size_t n)
{
    uint64_t by = k2 + n * 2, a = word(s) * k2, b = word(s + 8);
    uint64_t c = word(s + n - 8) * by, d = word(s + n - 16) * k2;
    uint64_t y = turn(a + b, 43) + turn(c, 30) + d, z = mix(y, a + turn(b + k2, 18) + c, by);
    uint64_t e = word(s + 16) * by, f = word(s + 24);
    uint64_t g = (y + word(s + n - 32)) * by, h = (z + word(s + n - 24)) * by;
    return mix(turn(e + f, 43) + turn(g, 30) + h, e + turn(f + a, 18) + g, by);
}

/* What a long text has become so far. */
typedef struct state {
    uint64_t x, y, z, v[2], w[2];
} state;

/* 32 bytes into a pair. */
static void absorb(const uint8_t *s, uint64_t a, uint64_t b, uint64_t out[2])
{
    uint64_t last = word(s + 24), first = word(s) + a;
    uint64_t sum = first + word(s + 8) + word(s + 16);
    out[0] = sum + last;
    out[1] = turn(b + first + last, 21) + turn(sum, 44) + first;
}

/* 64 bytes; the last ones are taken in by another factor, and weigh 9 times. */
static void step(state *t, const uint8_t *s, uint64_t by, uint64_t weight)
{
    t->x = turn(t->x + t->y + t->v[0] + word(s + 8), 37) * by;
    t->y = turn(t->y + t->v[1] + word(s + 48), 42) * by;
    t->x ^= t->w[1] * weight;
    t->y += t->v[0] * weight + word(s + 40);
    t->z = turn(t->z + t->w[0], 33) * by;
    absorb(s, t->v[1] * by, t->x + t->w[0], t->v);
    absorb(s + 32, t->z + t->w[1], t->y + word(s + 16), t->w);
    uint64_t x = t->x;
    t->x = t->z;
    t->z = x;
}

/* More than 64 bytes: steps of 64, and one more over the last 64, some of which may come again. */
static uint64_t farm(const uint8_t *s, size_t n, const uint64_t *unused)
{
    const uint64_t seed = 81;
    (void)unused;
    if (n <= 64)
        return n <= 16 ? farm_to_16(s, n) : n <= 32 ? farm_to_32(s, n) : farm_to_64(s, n);
    state t = {.x = seed * k2 + word(s), .y = seed * k1 + 113};
    t.z = fold(t.y * k2 + 113) * k2;
    size_t rest = (n - 1) % 64 + 1;
    for (const uint8_t *end = s + n - rest; s < end; s += 64)
        step(&t, s, k1, 1);
    uint64_t by = k1 + ((t.z & 0xff) << 1);
    t.w[0] += rest - 1;
    t.v[0] += t.w[0];
    t.w[0] += t.v[0];
    step(&t, s + rest - 64, by, 9);
    return mix(mix(t.v[0], t.w[0], by) + fold(t.y) * k0 + t.z, mix(t.v[1], t.w[1], by) + t.x, by);
}

/* ---- SipHash (Aumasson, Bernstein 2012) ---- */

/* One round is two halves, which differ in their rotations and in which numbers meet. */
static void sip_rounds(uint64_t v[4], int rounds)
{
    while (rounds-- > 0) {
        for (int k = 0; k < 4; k += 2) {
            v[k] += v[k + 1];
            v[k + 1] = turn(v[k + 1], k ? 48 : 51) ^ v[k];
        }
        v[0] = turn(v[0], 32);
        for (int k = 2; k >= 0; k -= 2) {
            v[k] += v[3 - k];
            v[3 - k] = turn(v[3 - k], k ? 47 : 43) ^ v[k];
        }
        v[2] = turn(v[2], 32);
    }
}

/* Eight bytes at a time; the last ones, seven at most, carry the length in their top byte. */
static uint64_t sip(const uint8_t *s, size_t n, const uint64_t *key)
{
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                     key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
    uint64_t last = (uint64_t)(n & 0xff) << 56;
    for (bool more = true; more; s += 8) {
        more = n >= 8;
        uint64_t m = more ? word(s) : last | read_bytes(s, n);
        n -= more ? 8 : 0;
        v[3] ^= m;
        sip_rounds(v, 2);
        v[0] ^= m;
    }
    v[2] ^= 0xff;
    sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- the ops ---- */

/* The remainder is not quite even over the buckets; TensorFlow takes it as well. */
static tw_status *bucket(tw_compute *c, uint64_t (*hash)(const uint8_t *, size_t, const uint64_t *),
                         const uint64_t *key)
{
    uint64_t buckets = (uint64_t)tw_compute_int(c, "num_buckets");
    for (size_t i = 0; i < tw_input(c, 0)->count; i++) {
        size_t length;
        const char *text = tw_string_get((const tw_string *)tw_input_data(c, 0) + i, &length);
        uint64_t value = hash((const uint8_t *)text, length, key);
        ((int64_t *)tw_output_data(c, 0))[i] = (int64_t)(value % buckets);
    }
    return TW_OK;
}

static tw_status *compute(tw_compute *c)
{
    return bucket(c, murmur, NULL);
}
/* The form that programs should take where texts are nobody's choice. */
static tw_status *compute_fast(tw_compute *c)
{
    return bucket(c, farm, NULL);
}

/* The key is two numbers of the caller's. */
static tw_status *compute_strong(tw_compute *c)
{
    tw_ints key = tw_compute_ints(c, "key");
    if (key.count != 2)
        return tw_compute_fail(c, "Key must have 2 elements, not %zu", key.count);
    return bucket(c, sip, (const uint64_t[]){(uint64_t)key.items[0], (uint64_t)key.items[1]});
}

const tw_op_definition tw_op_StringToHashBucket = {
    .signature = "string_tensor: string -> output: int64; num_buckets: int >= 1",
    .doc = "A number in 0 .. `num_buckets` - 1 for each text, by an older hash; better take the "
           "Fast form.",
    .examples = {"string_to_hash_bucket([\"a\", \"b\"], num_buckets=10) -> [8, 0]"},
    .infer = tw_infer_same,
    .gradient = tw_not_differentiable,
    .compute = compute,
};

const tw_op_definition tw_op_StringToHashBucketFast = {
    .signature = "input: string -> output: int64; num_buckets: int >= 1",
    .doc = "A number in 0 .. `num_buckets` - 1 for each text, by FarmHash's Fingerprint64.",
    .since = "StringToHashBucketFast: 0.9",
    .examples = {"string_to_hash_bucket_fast([\"a\", \"b\"], num_buckets=10) -> [9, 2]"},
    .infer = tw_infer_same,
    .gradient = tw_not_differentiable,
    .compute = compute_fast,
};

const tw_op_definition tw_op_StringToHashBucketStrong = {
    .signature = "input: string -> output: int64; num_buckets: int >= 1; key: list(int)",
    .doc = "A number in 0 .. `num_buckets` - 1 for each text, by SipHash with the two numbers of "
           "`key`, so that nobody who does not know them can choose texts of one bucket.",
    .since = "StringToHashBucketStrong: 0.9",
    .examples = {"string_to_hash_bucket_strong([\"a\", \"b\"], num_buckets=10, key=[1, 2]) -> "
                 "[6, 4]"},
    .infer = tw_infer_same,
    .gradient = tw_not_differentiable,
    .compute = compute_strong,
};
