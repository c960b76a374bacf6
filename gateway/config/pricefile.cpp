// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/pricefile.h"

#include "gateway/config/configschema.h"
#include "gateway/config/configvalidator.h"
#include "gateway/config/yamlreader.h"

#include <QDateTime>
#include <QFile>
#include <QJsonArray>
#include <QProcessEnvironment>

#include <algorithm>
#include <array>

using namespace Qt::StringLiterals;

// Needed because the resource lies in a static library; must stand outside of any namespace.
static void initialisePricesResource()
{
    Q_INIT_RESOURCE(prices);
}

namespace tidegate {

namespace {

using Kind = SchemaField::Kind;

// The dearest model ever sold cost 600. More is a price per token, or a slip of the point.
constexpr double kDearestPrice = 10'000;
constexpr double kLargestCount = 1e12;

struct TokenPriceName
{
    QStringView key;
    Money TokenPrices::*price;
    Money TokenPrices::*fallback; ///< null: the key is required
};

// In an order in which every fallback is known before it is needed.
constexpr std::array<TokenPriceName, 8> kTokenPrices{{
    {u"input", &TokenPrices::input, nullptr},
    {u"output", &TokenPrices::output, nullptr},
    {u"cached_input", &TokenPrices::cachedInput, &TokenPrices::input},
    {u"cache_write", &TokenPrices::cacheWrite, &TokenPrices::input},
    {u"cache_write_1h", &TokenPrices::cacheWrite1h, &TokenPrices::cacheWrite},
    {u"reasoning", &TokenPrices::reasoning, &TokenPrices::output},
    {u"audio_input", &TokenPrices::audioInput, &TokenPrices::input},
    {u"audio_output", &TokenPrices::audioOutput, &TokenPrices::output},
}};

SchemaField field(const QString &name, Kind kind, double minimum = 0, double maximum = 0)
{
    SchemaField result;
    result.name = name;
    result.kind = kind;
    result.minimum = minimum;
    result.maximum = maximum;
    return result;
}

SchemaField priceEntry()
{
    SchemaField tier = field({}, Kind::Section);
    tier.children.push_back(field(u"tokens"_s, Kind::Integer, 1, kLargestCount));
    tier.children.back().required = true;
    SchemaField entry = field({}, Kind::Section);
    for (const TokenPriceName &name : kTokenPrices) {
        const SchemaField price = field(name.key.toString(), Kind::Money, 0, kDearestPrice);
        tier.children.push_back(price);
        entry.children.push_back(price);
        entry.children.back().required = name.fallback == nullptr;
    }
    entry.children.push_back(field(u"per_request"_s, Kind::Money, 0, kDearestPrice));
    entry.children.push_back(field(u"max_output"_s, Kind::Integer, 1, kLargestCount));
    SchemaField tiers = field(u"above"_s, Kind::List, 1);
    tiers.children.push_back(std::move(tier));
    entry.children.push_back(std::move(tiers));
    return entry;
}

const SchemaField &modelsSchema()
{
    static const SchemaField kSchema = [] {
        SchemaField models = field(u"models"_s, Kind::Named);
        models.nameRule = SchemaField::NameRule::ModelPattern;
        models.required = true;
        models.children.push_back(priceEntry());
        return models;
    }();
    return kSchema;
}

const SchemaField &fileSchema()
{
    static const SchemaField kSchema = [] {
        SchemaField file = field({}, Kind::Section);
        file.children.push_back(field(u"updated"_s, Kind::Expiry));
        file.children.push_back(modelsSchema());
        return file;
    }();
    return kSchema;
}

// One tier may stand without brackets.
void bracketTiers(ConfigNode &price)
{
    for (ConfigNode &member : price.items) {
        if (member.key == u"above"_s && member.kind == ConfigNode::Kind::Map) {
            ConfigNode tier = std::move(member);
            member = ConfigNode();
            member.kind = ConfigNode::Kind::List;
            member.line = tier.line;
            member.keyLine = tier.keyLine;
            member.key = std::exchange(tier.key, {});
            member.items.push_back(std::move(tier));
        }
    }
}

std::optional<Money> amount(const ConfigNode &node, QStringView key)
{
    return node.find(key) ? Money::parse(node.string(key).toLatin1()) : std::nullopt;
}

// What neither @p node nor @p base names has its default; @p base may be null.
TokenPrices readTokenPrices(const ConfigNode &node, const ConfigNode *base)
{
    TokenPrices prices;
    for (const TokenPriceName &name : kTokenPrices) {
        auto price = amount(node, name.key);
        if (!price && base) {
            price = amount(*base, name.key);
        }
        prices.*name.price = price ? *price : name.fallback ? prices.*name.fallback : Money();
    }
    return prices;
}

void readTiers(const ConfigNode &entry, const QString &path, ModelPrice &price,
               ConfigProblems &problems)
{
    const ConfigNode *tiers = entry.find(u"above");
    for (const ConfigNode &item : tiers ? tiers->items : std::vector<ConfigNode>()) {
        ModelPrice::Tier tier;
        tier.above = item.integer(u"tokens", 0);
        tier.prices = readTokenPrices(item, &entry);
        const bool twice =
            std::any_of(price.tiers.cbegin(), price.tiers.cend(),
                        [&tier](const auto &other) { return other.above == tier.above; });
        if (twice) {
            problems.error(item.line, path + u".above"_s,
                           u"Two steps begin at the same number of tokens. Keep one of them."_s);
        } else if (item.items.size() < 2) {
            problems.error(item.line, path + u".above"_s,
                           u"This step names no price. Add one, or remove the step."_s);
        }
        price.tiers.push_back(std::move(tier));
    }
    std::sort(price.tiers.begin(), price.tiers.end(),
              [](const auto &a, const auto &b) { return a.above < b.above; });
}

QJsonObject sourceOf(const ConfigNode &entry)
{
    QJsonObject source = entry.toJson().toObject();
    const QJsonArray tiers = source.value(u"above"_s).toArray();
    if (tiers.size() == 1) {
        source.insert(u"above"_s, tiers.first());
    }
    return source;
}

PatternPrice readEntry(const ConfigNode &entry, const QString &path, PriceOrigin origin,
                       ConfigProblems &problems)
{
    PatternPrice result;
    result.pattern = Glob(entry.key.toUtf8());
    result.origin = origin;
    result.price.prices = readTokenPrices(entry, nullptr);
    result.price.perRequest = amount(entry, u"per_request").value_or(Money());
    result.price.maxOutput = entry.integer(u"max_output", 0);
    readTiers(entry, path, result.price, problems);
    result.config = sourceOf(entry);
    return result;
}

// A file that was cut within its last line would otherwise be read with a price cut short.
bool endsProperly(const QByteArray &yaml)
{
    return yaml.endsWith('\n') || yaml.endsWith('}') || yaml.endsWith(']');
}

} // namespace

std::optional<PriceLayer> readPrices(const QByteArray &yaml, PriceOrigin origin,
                                     ConfigProblems &problems)
{
    auto root = YamlReader::read(yaml, problems);
    if (!root) {
        return std::nullopt;
    }
    if (!endsProperly(yaml)) {
        problems.error(int(yaml.count('\n')) + 1, {},
                       u"The last line does not end with a line break, so the file may have been "
                       "cut off. Complete it and end it with one."_s);
    }
    for (ConfigNode &section : root->items) {
        if (section.key == u"models"_s) {
            std::for_each(section.items.begin(), section.items.end(), bracketTiers);
        }
    }
    const QProcessEnvironment noVariables;
    ConfigValidator(noVariables, {}, problems).validate(*root, fileSchema(), {});
    PriceLayer layer;
    if (const ConfigNode *updated = root->find(u"updated"); updated && updated->value.isValid()) {
        layer.updated = updated->value.toDateTime().date();
    }
    const ConfigNode *models = root->find(u"models");
    if (models && models->items.empty()) {
        problems.error(models->line, u"models"_s, u"There is no price below this key."_s);
    }
    for (const ConfigNode &entry : models ? models->items : std::vector<ConfigNode>()) {
        layer.entries.push_back(readEntry(entry, u"models."_s + entry.key, origin, problems));
    }
    return problems.hasErrors() ? std::nullopt : std::optional(std::move(layer));
}

std::optional<PriceLayer> readPriceFile(const QString &path, ConfigProblems &problems)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly)) {
        problems.error(0, {}, u"The file cannot be read: %1."_s.arg(file.errorString()));
        return std::nullopt;
    }
    auto layer = readPrices(file.read(YamlReader::kMaxBytes + 1), PriceOrigin::File, problems);
    if (layer) {
        layer->file = path;
    }
    return layer;
}

Result<PatternPrice> parsePrice(const QByteArray &pattern, const QJsonObject &config)
{
    const QString section = u"prices"_s;
    ConfigProblems problems;
    ConfigNode all;
    all.kind = ConfigNode::Kind::Map;
    all.items.push_back(ConfigNode::fromJson(config));
    all.items.front().key = QString::fromUtf8(pattern);
    bracketTiers(all.items.front());
    const QProcessEnvironment noVariables;
    ConfigValidator(noVariables, {}, problems).validate(all, modelsSchema(), section);
    const ConfigNode &entry = all.items.front();
    PatternPrice price =
        readEntry(entry, section + u'.' + entry.key, PriceOrigin::Database, problems);
    if (!problems.hasErrors()) {
        return price;
    }
    QStringList reasons;
    for (const ConfigProblem &problem : problems.all()) {
        if (problem.severity == ConfigProblem::Severity::Error) {
            reasons.append(problem.toString());
        }
    }
    return Error{reasons.join(u'\n')};
}

const PriceLayer &shippedPrices()
{
    static const PriceLayer kPrices = [] {
        initialisePricesResource();
        QFile file(u":/tidegate/prices/prices.yaml"_s);
        ConfigProblems problems;
        const bool readable = file.open(QIODevice::ReadOnly);
        Q_ASSERT(readable);
        auto layer =
            readPrices(readable ? file.readAll() : QByteArray(), PriceOrigin::Shipped, problems);
        Q_ASSERT(layer);
        return layer ? std::move(*layer) : PriceLayer();
    }();
    return kPrices;
}

} // namespace tidegate
