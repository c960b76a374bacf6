// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/observe/metricstext.h"

#include <QString>

#include <string_view>

namespace tidegate {

namespace {

constexpr qint64 kUsPerSecond = 1'000'000;

// What OpenMetrics asks of `le`: always with a decimal point. Written so in both formats, so that a
// change of format starts no new series.
QByteArray boundText(qint64 us)
{
    const QByteArray text = MetricsText::seconds(us);
    return text.contains('.') ? text : text + ".0";
}

std::string_view trimmed(std::string_view text)
{
    const size_t first = text.find_first_not_of(" \t");
    const size_t last = text.find_last_not_of(" \t");
    return first == std::string_view::npos ? std::string_view()
                                           : text.substr(first, last - first + 1);
}

std::string_view nextPart(std::string_view &rest, char separator)
{
    const size_t end = rest.find(separator);
    const std::string_view part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    return trimmed(part);
}

double quality(std::string_view parameters)
{
    while (!parameters.empty()) {
        const std::string_view parameter = nextPart(parameters, ';');
        if (parameter.starts_with("q=")) {
            return QByteArray(parameter.data() + 2, qsizetype(parameter.size() - 2)).toDouble();
        }
    }
    return 1;
}

} // namespace

MetricsText::MetricsText(MetricsFormat format)
    : m_format(format)
{
    m_text.reserve(64 * 1024);
}

void MetricsText::family(const char *name, Type type, const char *help)
{
    constexpr const char *kTypes[] = {" counter\n", " gauge\n", " histogram\n"};
    m_name = QByteArray("tidegate_") + name;
    const QByteArray sampleName = type == Type::Counter ? m_name + "_total" : m_name;
    // OpenMetrics names the family, the older format the samples.
    const QByteArray &title = m_format == MetricsFormat::OpenMetrics ? m_name : sampleName;
    m_text.append("# HELP ").append(title).append(' ').append(help).append('\n');
    m_text.append("# TYPE ").append(title).append(kTypes[int(type)]);
    m_name = sampleName;
}

void MetricsText::line(const char *suffix, const QByteArray &labels, const QByteArray &more,
                       const QByteArray &value)
{
    m_text.append(m_name).append(suffix);
    if (!labels.isEmpty() || !more.isEmpty()) {
        m_text.append('{').append(labels);
        if (!labels.isEmpty() && !more.isEmpty()) {
            m_text.append(',');
        }
        m_text.append(more).append('}');
    }
    m_text.append(' ').append(value).append('\n');
}

void MetricsText::sample(const QByteArray &labels, const QByteArray &value)
{
    line("", labels, {}, value);
}

void MetricsText::sample(const QByteArray &labels, qint64 value)
{
    line("", labels, {}, QByteArray::number(value));
}

void MetricsText::sample(const QByteArray &labels, quint64 value)
{
    line("", labels, {}, QByteArray::number(value));
}

void MetricsText::histogram(const QByteArray &labels, const Histogram::Bounds &bounds,
                            const Histogram &values)
{
    quint64 count = 0;
    for (size_t i = 0; i < bounds.size(); ++i) {
        count += values.counts[i];
        line("_bucket", labels, "le=\"" + boundText(bounds[i]) + '"', QByteArray::number(count));
    }
    count += values.counts.back();
    line("_bucket", labels, "le=\"+Inf\"", QByteArray::number(count));
    line("_sum", labels, {}, seconds(values.sumUs));
    line("_count", labels, {}, QByteArray::number(count));
}

QByteArray MetricsText::label(const char *name, const QByteArray &value)
{
    QByteArray escaped = QString::fromUtf8(value).toUtf8();
    escaped.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    return name + QByteArray("=\"") + escaped + '"';
}

QByteArray MetricsText::seconds(qint64 us)
{
    QByteArray text = us < 0 ? "-" : "";
    us = qAbs(us);
    text += QByteArray::number(us / kUsPerSecond);
    if (us % kUsPerSecond != 0) {
        text += '.' + QByteArray::number(us % kUsPerSecond).rightJustified(6, '0');
        while (text.endsWith('0')) {
            text.chop(1);
        }
    }
    return text;
}

QByteArray MetricsText::take()
{
    if (m_format == MetricsFormat::OpenMetrics) {
        m_text.append("# EOF\n");
    }
    return std::move(m_text);
}

MetricsFormat metricsFormatFor(std::string_view accept)
{
    double openMetrics = 0;
    double plain = 0;
    while (!accept.empty()) {
        std::string_view range = nextPart(accept, ',');
        const std::string_view type = nextPart(range, ';');
        double &wish = type == "application/openmetrics-text" ? openMetrics : plain;
        wish = std::max(wish, quality(range));
    }
    return openMetrics > 0 && openMetrics >= plain ? MetricsFormat::OpenMetrics
                                                   : MetricsFormat::Prometheus;
}

std::string_view contentType(MetricsFormat format)
{
    return format == MetricsFormat::OpenMetrics
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

} // namespace tidegate
