// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/glob.h"
#include "gateway/base/stringmap.h"
#include "gateway/policy/modelprice.h"

#include <QDate>
#include <QJsonObject>
#include <QString>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate {

/// Where a price came from; of two for the same pattern the later in this list counts.
enum class PriceOrigin : quint8
{
    Shipped,
    File,
    Database
};

/// The price of one model, or of all that a pattern matches.
struct PatternPrice
{
    Glob pattern;
    ModelPrice price;
    PriceOrigin origin = PriceOrigin::Shipped;
    QJsonObject config; ///< as in the price file, for showing and editing; amounts as strings
};

/// The prices of one source.
struct PriceLayer
{
    QDate updated; ///< as the source says; invalid when it does not
    QString file;  ///< for the price file; empty otherwise
    std::vector<PatternPrice> entries;
};

/// What every known model costs.
///
/// Immutable; shared by all threads as part of the ConfigSnapshot.
class PriceTable
{
public:
    PriceTable() = default;
    /// Merges @p layers by pattern: of the same pattern in several, the one of the strongest origin
    /// counts, whole.
    explicit PriceTable(std::vector<PriceLayer> layers);

    /// The price of @p model: an exact name before any pattern, then the pattern with the most
    /// literal bytes. Null when none matches; the price is unknown then, not 0.
    [[nodiscard]] const ModelPrice *find(std::string_view model) const;
    [[nodiscard]] const PatternPrice *findEntry(std::string_view model) const;
    /// As ModelPrice::cost(); nothing for a model without a price, too.
    [[nodiscard]] std::optional<Money> cost(std::string_view model, const TokenUsage &usage) const;

    /// All prices in force, most specific first.
    [[nodiscard]] const std::vector<PatternPrice> &entries() const { return m_entries; }
    /// The date of the price file when there is one and it has a date, else of the shipped table.
    [[nodiscard]] QDate updated() const { return m_updated; }
    /// The price file's path; empty when only the shipped table and the database speak.
    [[nodiscard]] const QString &file() const { return m_file; }

private:
    /// The first bytes of a pattern, compared before the pattern itself, because looking through
    /// all patterns happens for every request.
    struct Head
    {
        quint64 mask = 0;
        quint64 bytes = 0;
    };
    static Head headOf(std::string_view text, size_t literals);

    std::vector<PatternPrice> m_entries; ///< exact names, then patterns by specificity
    StringMap<size_t> m_exact;
    std::vector<Head> m_heads; ///< of the patterns, in the order of m_entries
    QDate m_updated;
    QString m_file;
};

using PriceTablePtr = std::shared_ptr<const PriceTable>;

} // namespace tidegate
