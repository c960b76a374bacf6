// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/bloomfilter.h"

namespace tidegate {
namespace {

constexpr int kBitsPerText = 10;
constexpr int kProbes = 7; // the best number for ten bits

/// Calls @p visit with the place of each bit, until it returns false.
template <typename Visit>
bool probe(quint64 bits, quint64 hash, Visit visit)
{
    // Two halves of one hash make as many as are needed (Kirsch and Mitzenmacher).
    const quint64 step = (hash >> 32) | 1;
    for (quint64 i = 0, at = hash & 0xffff'ffff; i < kProbes; ++i, at += step) {
        if (!visit(at % bits)) {
            return false;
        }
    }
    return true;
}

} // namespace

quint64 BloomFilter::hash(QByteArrayView text)
{
    // FNV-1a, and SplitMix64's finish, without which ids that differ in the end alone are close.
    quint64 value = 0xcbf2'9ce4'8422'2325;
    for (const char c : text) {
        value = (value ^ quint8(c)) * 0x100'0000'01b3;
    }
    value = (value ^ (value >> 30)) * 0xbf58'476d'1ce4'e5b9;
    value = (value ^ (value >> 27)) * 0x94d0'49bb'1331'11eb;
    return value ^ (value >> 31);
}

QByteArray BloomFilter::make(const std::vector<quint64> &hashes)
{
    QByteArray filter((qsizetype(hashes.size()) * kBitsPerText + 7) / 8, '\0');
    char *const bytes = filter.data();
    for (const quint64 hash : hashes) {
        probe(quint64(filter.size()) * 8, hash, [bytes](quint64 bit) {
            bytes[bit / 8] = char(bytes[bit / 8] | 1 << (bit % 8));
            return true;
        });
    }
    return filter;
}

bool BloomFilter::mayContain(QByteArrayView filter, quint64 hash)
{
    return !filter.isEmpty() && probe(quint64(filter.size()) * 8, hash, [filter](quint64 bit) {
        return (filter[qsizetype(bit / 8)] >> (bit % 8) & 1) != 0;
    });
}

} // namespace tidegate
