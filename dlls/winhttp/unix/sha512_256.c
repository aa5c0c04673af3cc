#if 0
#pragma makedep unix
#endif

/*
 * SHA-512/256, which GnuTLS does not have
 *
 * For Digest authentication only: whole messages, short ones. Source: FIPS 180-4.
 */

#include <string.h>

#include "sha512_256.h"

#define BLOCK_SIZE  128    /* bytes */
#define LENGTH_SIZE 16     /* of the message's length, at the end of the last block */
#define ROUNDS      80

/* The first 64 bits of the fractional parts of the cube roots of the first 80 primes. */
static const uint64_t constants[ROUNDS] =
{
    0x428a2f98d728ae22ull, 0x7137449123ef65cdull, 0xb5c0fbcfec4d3b2full, 0xe9b5dba58189dbbcull,
    0x3956c25bf348b538ull, 0x59f111f1b605d019ull, 0x923f82a4af194f9bull, 0xab1c5ed5da6d8118ull,
    0xd807aa98a3030242ull, 0x12835b0145706fbeull, 0x243185be4ee4b28cull, 0x550c7dc3d5ffb4e2ull,
    0x72be5d74f27b896full, 0x80deb1fe3b1696b1ull, 0x9bdc06a725c71235ull, 0xc19bf174cf692694ull,
    0xe49b69c19ef14ad2ull, 0xefbe4786384f25e3ull, 0x0fc19dc68b8cd5b5ull, 0x240ca1cc77ac9c65ull,
    0x2de92c6f592b0275ull, 0x4a7484aa6ea6e483ull, 0x5cb0a9dcbd41fbd4ull, 0x76f988da831153b5ull,
    0x983e5152ee66dfabull, 0xa831c66d2db43210ull, 0xb00327c898fb213full, 0xbf597fc7beef0ee4ull,
    0xc6e00bf33da88fc2ull, 0xd5a79147930aa725ull, 0x06ca6351e003826full, 0x142929670a0e6e70ull,
    0x27b70a8546d22ffcull, 0x2e1b21385c26c926ull, 0x4d2c6dfc5ac42aedull, 0x53380d139d95b3dfull,
    0x650a73548baf63deull, 0x766a0abb3c77b2a8ull, 0x81c2c92e47edaee6ull, 0x92722c851482353bull,
    0xa2bfe8a14cf10364ull, 0xa81a664bbc423001ull, 0xc24b8b70d0f89791ull, 0xc76c51a30654be30ull,
    0xd192e819d6ef5218ull, 0xd69906245565a910ull, 0xf40e35855771202aull, 0x106aa07032bbd1b8ull,
    0x19a4c116b8d2d0c8ull, 0x1e376c085141ab53ull, 0x2748774cdf8eeb99ull, 0x34b0bcb5e19b48a8ull,
    0x391c0cb3c5c95a63ull, 0x4ed8aa4ae3418acbull, 0x5b9cca4f7763e373ull, 0x682e6ff3d6b2b8a3ull,
    0x748f82ee5defb2fcull, 0x78a5636f43172f60ull, 0x84c87814a1f0ab72ull, 0x8cc702081a6439ecull,
    0x90befffa23631e28ull, 0xa4506cebde82bde9ull, 0xbef9a3f7b2c67915ull, 0xc67178f2e372532bull,
    0xca273eceea26619cull, 0xd186b8c721c0c207ull, 0xeada7dd6cde0eb1eull, 0xf57d4f7fee6ed178ull,
    0x06f067aa72176fbaull, 0x0a637dc5a2c898a6ull, 0x113f9804bef90daeull, 0x1b710b35131c471bull,
    0x28db77f523047d84ull, 0x32caab7b40c72493ull, 0x3c9ebe0a15c9bebcull, 0x431d67c49c100d4cull,
    0x4cc5d4becb3e42b6ull, 0x597f299cfc657e2aull, 0x5fcb6fab3ad6faecull, 0x6c44198c4a475817ull,
};

static const uint64_t start[8] =
{
    0x22312194fc2bf72cull, 0x9f555fa3c84c64c2ull, 0x2393b86b6f53b151ull, 0x963877195940eabdull,
    0x96283ee2a88effe3ull, 0xbe5e1e2553863992ull, 0x2b0199fc2c85b8aaull, 0x0eb72ddc81c52ca2ull,
};

static uint64_t rotate( uint64_t x, unsigned int n )
{
    return x >> n | x << (64 - n);
}

static uint64_t get_word( const uint8_t *p )
{
    uint64_t word = 0;
    unsigned int i;

    for (i = 0; i < 8; i++) word = word << 8 | p[i];
    return word;
}

static void put_word( uint8_t *p, uint64_t word )
{
    unsigned int i;

    for (i = 0; i < 8; i++) p[i] = word >> (56 - i * 8);
}

static void expand( const uint8_t *block, uint64_t words[ROUNDS] )
{
    unsigned int i;

    for (i = 0; i < 16; i++) words[i] = get_word( block + i * 8 );
    for (; i < ROUNDS; i++)
        words[i] = words[i - 16] + (rotate( words[i - 15], 1 ) ^ rotate( words[i - 15], 8 ) ^ words[i - 15] >> 7) +
                   words[i - 7] + (rotate( words[i - 2], 19 ) ^ rotate( words[i - 2], 61 ) ^ words[i - 2] >> 6);
}

/* Letters as the standard has them: state[0] is a, state[7] is h. */
static void take_block( uint64_t sum[8], const uint8_t *block )
{
    uint64_t words[ROUNDS], state[8], first, second;
    unsigned int i;

    expand( block, words );
    memcpy( state, sum, sizeof(state) );
    for (i = 0; i < ROUNDS; i++)
    {
        first = state[7] + (rotate( state[4], 14 ) ^ rotate( state[4], 18 ) ^ rotate( state[4], 41 )) +
                ((state[4] & state[5]) ^ (~state[4] & state[6])) + constants[i] + words[i];
        second = (rotate( state[0], 28 ) ^ rotate( state[0], 34 ) ^ rotate( state[0], 39 )) +
                 ((state[0] & state[1]) ^ (state[0] & state[2]) ^ (state[1] & state[2]));
        memmove( state + 1, state, 7 * sizeof(state[0]) );
        state[4] += first;
        state[0] = first + second;
    }
    for (i = 0; i < 8; i++) sum[i] += state[i];
}

void sha512_256( const void *data, size_t len, uint8_t *result )
{
    uint8_t last[2 * BLOCK_SIZE] = { 0 };
    const uint8_t *p = data;
    size_t left = len, size;
    uint64_t sum[8];
    unsigned int i;

    memcpy( sum, start, sizeof(sum) );
    for (; left >= BLOCK_SIZE; left -= BLOCK_SIZE, p += BLOCK_SIZE) take_block( sum, p );
    if (left) memcpy( last, p, left );
    last[left] = 0x80;
    size = left + 1 + LENGTH_SIZE <= BLOCK_SIZE ? BLOCK_SIZE : 2 * BLOCK_SIZE;
    put_word( last + size - 8, (uint64_t)len << 3 );
    for (i = 0; i < size; i += BLOCK_SIZE) take_block( sum, last + i );
    for (i = 0; i < 4; i++) put_word( result + i * 8, sum[i] );
}
