// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/requestid.h"

#include <QRandomGenerator>

#include <algorithm>
#include <array>

namespace tidegate {

namespace {

constexpr size_t kMaxLength = 128;

QByteArray newUuid()
{
    // Seeded once per thread: the system's generator takes the better part of a microsecond each
    // time, and a copy of it is still the system's.
    static thread_local QRandomGenerator64 generator = QRandomGenerator64::securelySeeded();
    static constexpr char kHex[] = "0123456789abcdef";
    constexpr std::array kDashBefore{8, 12, 16, 20};
    std::array<quint64, 2> random{generator.generate(), generator.generate()};
    random[0] = (random[0] & ~0xf000ULL) | 0x4000ULL;         // version 4
    random[1] = (random[1] & ~(3ULL << 62U)) | (2ULL << 62U); // variant
    QByteArray id(36, '-');
    char *to = id.data();
    for (int digit = 0; digit < 32; ++digit) {
        if (std::find(kDashBefore.begin(), kDashBefore.end(), digit) != kDashBefore.end()) {
            ++to;
        }
        const quint64 word = random[size_t(digit / 16)];
        *to++ = kHex[(word >> unsigned(60 - 4 * (digit % 16))) & 0xfU];
    }
    return id;
}

} // namespace

QByteArray requestIdFor(std::string_view presented)
{
    const bool usable = !presented.empty() && presented.size() <= kMaxLength &&
                        std::all_of(presented.begin(), presented.end(),
                                    [](char c) { return c > 0x20 && c < 0x7f; });
    return usable ? QByteArray(presented.data(), qsizetype(presented.size())) : newUuid();
}

} // namespace tidegate
