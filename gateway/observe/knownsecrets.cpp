// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/observe/knownsecrets.h"

#include <QSet>

#include <algorithm>
#include <bitset>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace tidegate {

namespace {

/// The form that @p secret has within the base64 of a longer text, when @p before bytes (modulo 3)
/// come ahead of it; without the characters at both ends that also depend on its neighbours.
QByteArray base64Core(const QByteArray &secret, int before, QByteArray::Base64Options options)
{
    const QByteArray text = QByteArray(before, '\0') + secret;
    const QByteArray whole = text.toBase64(options);
    const qsizetype from = before == 0 ? 0 : before + 1;
    const qsizetype to = (before + secret.size()) * 8 / 6;
    return whole.mid(from, to - from);
}

std::vector<QByteArray> formsOf(const QByteArray &secret)
{
    std::vector<QByteArray> forms{secret, secret.toPercentEncoding(),
                                  secret.toPercentEncoding().toLower(), secret.toHex(),
                                  secret.toHex().toUpper()};
    forms.push_back(QByteArray(secret).replace('/', "\\/"));
    for (int before = 0; before < 3; ++before) {
        forms.push_back(base64Core(secret, before, QByteArray::Base64Encoding));
        forms.push_back(base64Core(secret, before, QByteArray::Base64UrlEncoding));
    }
    return forms;
}

} // namespace

/// An immutable set of byte strings with a filter on their first four bytes.
class KnownSecrets::Patterns
{
public:
    [[nodiscard]] static Patterns with(const Patterns &known, const QByteArray &secret)
    {
        Patterns patterns(known);
        patterns.m_secrets.insert(secret);
        for (const QByteArray &form : formsOf(secret)) {
            if (form.size() < kShortest) {
                continue;
            }
            const quint32 start = startOf(form.constData());
            auto &sameStart = patterns.m_byStart[start];
            if (std::find(sameStart.begin(), sameStart.end(), form) == sameStart.end()) {
                // The longest first, so that it is the one that is masked.
                sameStart.insert(std::find_if(sameStart.begin(), sameStart.end(),
                                              [&form](const QByteArray &other) {
                                                  return other.size() < form.size();
                                              }),
                                 form);
            }
            patterns.m_filter.set(filterBit(start));
            patterns.m_longest = std::max(patterns.m_longest, form.size());
        }
        return patterns;
    }

    [[nodiscard]] bool contains(const QByteArray &secret) const
    {
        return m_secrets.contains(secret);
    }
    [[nodiscard]] qsizetype count() const { return m_secrets.size(); }
    [[nodiscard]] qsizetype longest() const { return m_longest; }

    bool mask(QByteArray &text) const
    {
        bool found = false;
        const qsizetype size = text.size();
        qsizetype at = 0;
        while (at + kShortest <= size) {
            const qsizetype length = matchAt(text.constData() + at, size - at);
            if (length > 0) {
                std::memset(text.data() + at, '*', size_t(length));
                found = true;
            }
            at += std::max<qsizetype>(length, 1);
        }
        return found;
    }

private:
    static quint32 startOf(const char *bytes)
    {
        quint32 start = 0;
        std::memcpy(&start, bytes, sizeof start);
        return start;
    }
    static size_t filterBit(quint32 start) { return (start * 2'654'435'761u) >> 16; }

    /// Length of the secret that begins here; 0: none does.
    [[nodiscard]] qsizetype matchAt(const char *bytes, qsizetype left) const
    {
        const quint32 start = startOf(bytes);
        if (!m_filter.test(filterBit(start))) {
            return 0;
        }
        const auto candidates = m_byStart.find(start);
        if (candidates == m_byStart.end()) {
            return 0;
        }
        for (const QByteArray &form : candidates->second) {
            if (form.size() <= left &&
                std::memcmp(form.constData(), bytes, size_t(form.size())) == 0) {
                return form.size();
            }
        }
        return 0;
    }

    QSet<QByteArray> m_secrets;
    std::unordered_map<quint32, std::vector<QByteArray>> m_byStart;
    std::bitset<65'536> m_filter;
    qsizetype m_longest = 0;
};

struct KnownSecrets::Registry
{
    std::mutex mutex;
    std::shared_ptr<const Patterns> patterns = std::make_shared<const Patterns>(); ///< guarded
};

KnownSecrets::Registry &KnownSecrets::registry()
{
    // Never destroyed: the log may still write while the program ends.
    static auto *registry = new Registry;
    return *registry;
}

std::shared_ptr<const KnownSecrets::Patterns> KnownSecrets::current()
{
    Registry &all = registry();
    const std::lock_guard lock(all.mutex);
    return all.patterns;
}

void KnownSecrets::remember(const Secret &secret)
{
    if (secret.reveal().size() < kShortest) {
        return;
    }
    Registry &all = registry();
    const std::lock_guard lock(all.mutex);
    if (!all.patterns->contains(secret.reveal()) && all.patterns->count() < kMaxSecrets) {
        all.patterns =
            std::make_shared<const Patterns>(Patterns::with(*all.patterns, secret.reveal()));
    }
}

bool KnownSecrets::mask(QByteArray &text)
{
    return current()->mask(text);
}

QByteArray SecretMasker::feed(std::string_view piece)
{
    if (!m_patterns) {
        m_patterns = KnownSecrets::current();
    }
    m_held.append(piece.data(), qsizetype(piece.size()));
    m_patterns->mask(m_held);
    // A secret that has only begun stays; what was masked already cannot begin one.
    const qsizetype ready = m_held.size() - std::max<qsizetype>(m_patterns->longest() - 1, 0);
    if (ready <= 0) {
        return {};
    }
    const QByteArray out = m_held.first(ready);
    m_held.remove(0, ready);
    return out;
}

QByteArray SecretMasker::rest()
{
    return std::exchange(m_held, {});
}

} // namespace tidegate
