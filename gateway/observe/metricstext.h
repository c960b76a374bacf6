// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/observe/histogram.h"

#include <QByteArray>

namespace tidegate {

enum class MetricsFormat : quint8
{
    Prometheus, ///< text format 0.0.4
    OpenMetrics ///< 1.0.0
};

/// Writes metrics in one of the two text formats that Prometheus reads.
///
/// Value type for one page. A family() is followed by its samples. Numbers are written as exact
/// decimals; no binary floating point is involved.
class MetricsText
{
public:
    enum class Type : quint8
    {
        Counter,
        Gauge,
        Histogram
    };

    explicit MetricsText(MetricsFormat format);

    /// Starts the family tidegate_@p name; a counter's name comes without "_total". @p help is one
    /// line of plain text.
    void family(const char *name, Type type, const char *help);
    /// One sample of a counter or gauge. @p labels as label() makes them, comma-separated.
    void sample(const QByteArray &labels, const QByteArray &value);
    void sample(const QByteArray &labels, qint64 value);
    void sample(const QByteArray &labels, quint64 value);
    /// Buckets, sum and count, in seconds.
    void histogram(const QByteArray &labels, const Histogram::Bounds &bounds,
                   const Histogram &values);

    /// `name="value"` with the value escaped; bytes that are not UTF-8 are replaced.
    [[nodiscard]] static QByteArray label(const char *name, const QByteArray &value);
    /// Microseconds as a decimal number of seconds: "0.00125".
    [[nodiscard]] static QByteArray seconds(qint64 us);

    /// The page; the writer is of no use afterwards.
    [[nodiscard]] QByteArray take();

private:
    void line(const char *suffix, const QByteArray &labels, const QByteArray &more,
              const QByteArray &value);

    const MetricsFormat m_format;
    QByteArray m_text;
    QByteArray m_name; ///< of the family's samples
};

/// The format that an Accept field asks for: OpenMetrics where it is wanted at least as much as
/// plain text.
[[nodiscard]] MetricsFormat metricsFormatFor(std::string_view accept);
/// The Content-Type of a page.
[[nodiscard]] std::string_view contentType(MetricsFormat format);

} // namespace tidegate
