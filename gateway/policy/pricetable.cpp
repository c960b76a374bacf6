// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/pricetable.h"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace tidegate {

namespace {

std::string_view view(const QByteArray &bytes)
{
    return {bytes.constData(), size_t(bytes.size())};
}

// Exact names first, then by literal bytes; the pattern itself only makes the order the same
// everywhere.
bool isMoreSpecific(const PatternPrice &a, const PatternPrice &b)
{
    const auto rank = [](const PatternPrice &entry) {
        return std::tuple(!entry.pattern.isExact(), -entry.pattern.specificity());
    };
    return rank(a) != rank(b) ? rank(a) < rank(b) : a.pattern.pattern() < b.pattern.pattern();
}

} // namespace

PriceTable::PriceTable(std::vector<PriceLayer> layers)
{
    for (PriceLayer &layer : layers) {
        if (layer.updated.isValid() && (!m_updated.isValid() || !layer.file.isEmpty())) {
            m_updated = layer.updated;
        }
        if (!layer.file.isEmpty()) {
            m_file = layer.file;
        }
        std::move(layer.entries.begin(), layer.entries.end(), std::back_inserter(m_entries));
    }
    // The strongest of each pattern comes first, and only that one stays.
    std::stable_sort(m_entries.begin(), m_entries.end(),
                     [](const PatternPrice &a, const PatternPrice &b) {
                         return a.pattern == b.pattern ? a.origin > b.origin : isMoreSpecific(a, b);
                     });
    m_entries.erase(std::unique(m_entries.begin(), m_entries.end(),
                                [](const PatternPrice &a, const PatternPrice &b) {
                                    return a.pattern == b.pattern;
                                }),
                    m_entries.end());
    for (size_t i = 0; i < m_entries.size(); ++i) {
        const std::string_view pattern = view(m_entries[i].pattern.pattern());
        if (m_entries[i].pattern.isExact()) {
            m_exact.emplace(pattern, i);
        } else {
            m_heads.push_back(headOf(pattern, pattern.find_first_of("*?")));
        }
    }
}

PriceTable::Head PriceTable::headOf(std::string_view text, size_t literals)
{
    Head head;
    const size_t length = std::min({text.size(), literals, sizeof(head.bytes)});
    std::memcpy(&head.bytes, text.data(), length);
    std::memset(&head.mask, 0xff, length);
    return head;
}

const PatternPrice *PriceTable::findEntry(std::string_view model) const
{
    if (const auto exact = m_exact.find(model); exact != m_exact.cend()) {
        return &m_entries[exact->second];
    }
    const quint64 bytes = headOf(model, model.size()).bytes;
    for (size_t i = 0; i < m_heads.size(); ++i) {
        if ((bytes & m_heads[i].mask) != m_heads[i].bytes) {
            continue;
        }
        const PatternPrice &entry = m_entries[m_exact.size() + i];
        if (entry.pattern.matches(model)) {
            return &entry;
        }
    }
    return nullptr;
}

const ModelPrice *PriceTable::find(std::string_view model) const
{
    const PatternPrice *entry = findEntry(model);
    return entry ? &entry->price : nullptr;
}

std::optional<Money> PriceTable::cost(std::string_view model, const TokenUsage &usage) const
{
    const ModelPrice *price = find(model);
    return price ? price->cost(usage) : std::nullopt;
}

} // namespace tidegate
