// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/backendform.h"

#include <QCoreApplication>
#include <QLocale>

#include <cmath>

namespace tidegate::backendform {

namespace {

class BackendForm
{
    Q_DECLARE_TR_FUNCTIONS(BackendForm)
};

enum class Kind
{
    Text,
    Integer,
    Seconds, ///< in the configuration milliseconds
    Off,     ///< a switch that is on when the configuration says false
};

struct Field
{
    const char *key;     ///< of the form
    const char *section; ///< of the configuration; empty: the backend itself
    const char *entry;
    Kind kind;
    double minimum = 0;
    double maximum = 0;
};

constexpr Field kFields[] = {
    {"maxConcurrency", "", "max_concurrency", Kind::Integer, 0, 1'000'000},
    {"maxQueue", "", "max_queue", Kind::Integer, 0, 1'000'000},
    {"queueTimeout", "", "queue_timeout_ms", Kind::Seconds, 0, 86'400},
    {"connectTimeout", "timeouts", "connect_ms", Kind::Seconds, 0, 86'400},
    {"firstByteTimeout", "timeouts", "first_byte_ms", Kind::Seconds, 0, 86'400},
    {"idleTimeout", "timeouts", "idle_ms", Kind::Seconds, 0, 86'400},
    {"totalTimeout", "timeouts", "total_ms", Kind::Seconds, 0, 86'400},
    {"healthOff", "health", "enabled", Kind::Off},
    {"healthPath", "health", "path", Kind::Text},
    {"healthInterval", "health", "interval_seconds", Kind::Integer, 1, 86'400},
    {"breakerOff", "breaker", "enabled", Kind::Off},
    {"breakerFailures", "breaker", "consecutive_failures", Kind::Integer, 1, 10'000},
    {"breakerOpen", "breaker", "open_seconds", Kind::Integer, 1, 86'400},
    {"start", "managed", "start", Kind::Text},
    {"stop", "managed", "stop", Kind::Text},
    {"readyUrl", "managed", "ready_url", Kind::Text},
    {"idleMinutes", "managed", "idle_minutes", Kind::Integer, 0, 100'000},
    {"sshHost", "ssh", "host", Kind::Text},
    {"sshUser", "ssh", "user", Kind::Text},
    {"sshPort", "ssh", "port", Kind::Integer, 1, 65'535},
    {"sshIdentity", "ssh", "identity_file", Kind::Text},
    {"sshRemotePort", "ssh", "remote_port", Kind::Integer, 1, 65'535},
};

QString latin(const char *text)
{
    return QString::fromLatin1(text);
}

QJsonValue valueOf(const QJsonObject &config, const Field &field)
{
    const QJsonObject section =
        *field.section == '\0' ? config : config.value(latin(field.section)).toObject();
    return section.value(latin(field.entry));
}

/// What the form shows for a value of the configuration.
QVariant shown(const QJsonValue &value, Kind kind)
{
    switch (kind) {
    case Kind::Off:
        return !value.toBool(true);
    case Kind::Seconds:
        if (value.isDouble()) {
            return QString::number(value.toDouble() / 1e3);
        }
        break;
    case Kind::Integer:
        if (value.isDouble()) {
            return QString::number(qint64(value.toDouble()));
        }
        break;
    case Kind::Text:
        break;
    }
    // A number may also be written with its unit.
    return value.toString();
}

QVariantMap entry(const char *key, const QString &label, const QString &placeholder,
                  const char *kind = "number", bool wide = false)
{
    return {{QStringLiteral("key"), latin(key)},
            {QStringLiteral("label"), label},
            {QStringLiteral("placeholder"), placeholder},
            {QStringLiteral("kind"), latin(kind)},
            {QStringLiteral("wide"), wide}};
}

QVariantMap group(const QString &title, const QString &hint, const QVariantList &fields)
{
    return {{QStringLiteral("title"), title},
            {QStringLiteral("hint"), hint},
            {QStringLiteral("fields"), fields}};
}

} // namespace

QVariantList groups()
{
    const auto tr = [](const char *text) { return BackendForm::tr(text); };
    const QString none = tr("no bound");
    return {
        group(
            tr("Places and queue"),
            tr("More requests than places wait in line; when the line is full they go elsewhere."),
            {entry("maxConcurrency", tr("Requests at a time"), none),
             entry("maxQueue", tr("May wait"), QStringLiteral("100")),
             entry("queueTimeout", tr("Longest wait, seconds"), QStringLiteral("30"))}),
        group(tr("Time limits, seconds"), {},
              {entry("connectTimeout", tr("Connect"), QStringLiteral("10")),
               entry("firstByteTimeout", tr("First byte"), QStringLiteral("120")),
               entry("idleTimeout", tr("Between two pieces"), QStringLiteral("300")),
               entry("totalTimeout", tr("In all"), none)}),
        group(tr("Health checks"), {},
              {entry("healthPath", tr("Path"), tr("what suits the type"), "text"),
               entry("healthInterval", tr("Every … seconds"), QStringLiteral("30")),
               entry("healthOff", tr("Do not ask it whether it is well"), {}, "switch", true)}),
        group(tr("Circuit breaker"), tr("Left empty: as for the whole gateway."),
              {entry("breakerFailures", tr("Failures in a row"), QStringLiteral("5")),
               entry("breakerOpen", tr("Open for, seconds"), QStringLiteral("30")),
               entry("breakerOff", tr("Never opens by itself"), {}, "switch", true)}),
        group(tr("Started and stopped by Tidegate"),
              tr("The command runs for the first request, and only after you have confirmed it."),
              {entry("start", tr("Start command"),
                     QStringLiteral("llama-server -m model.gguf --port 8081"), "text", true),
               entry("stop", tr("Stop command"), tr("ends the process that was started"), "text",
                     true),
               entry("readyUrl", tr("Ready when this answers"), tr("the backend's own check"),
                     "text"),
               entry("idleMinutes", tr("Stop after idle minutes"), tr("never"))}),
        group(tr("Reached through SSH"),
              tr("Tidegate keeps the tunnel open and opens it again when it breaks."),
              {entry("sshHost", tr("Host"), QStringLiteral("gpu.example.net"), "text"),
               entry("sshUser", tr("User"), tr("as you"), "text"),
               entry("sshPort", tr("Port"), QStringLiteral("22")),
               entry("sshRemotePort", tr("Port over there"), tr("that of the URL")),
               entry("sshIdentity", tr("Key file"), tr("as ssh finds it"), "text", true)}),
    };
}

QVariantMap fromConfig(const QJsonObject &config)
{
    QVariantMap form;
    for (const Field &field : kFields) {
        form.insert(latin(field.key), shown(valueOf(config, field), field.kind));
    }
    return form;
}

QVariantMap problems(const QVariantMap &form)
{
    QVariantMap wrong;
    for (const Field &field : kFields) {
        const QString text = form.value(latin(field.key)).toString().trimmed();
        if (text.isEmpty() || (field.kind != Kind::Integer && field.kind != Kind::Seconds)) {
            continue;
        }
        bool isNumber = false;
        const double number = text.toDouble(&isNumber);
        const QLocale locale;
        if (!isNumber || number < field.minimum || number > field.maximum ||
            (field.kind == Kind::Integer && number != std::floor(number))) {
            wrong.insert(latin(field.key), BackendForm::tr("A number from %1 to %2.")
                                               .arg(locale.toString(qint64(field.minimum)),
                                                    locale.toString(qint64(field.maximum))));
        }
    }
    const auto filled = [&form](const char *key) {
        return !form.value(latin(key)).toString().trimmed().isEmpty();
    };
    if (!filled("start") && (filled("stop") || filled("readyUrl") || filled("idleMinutes"))) {
        wrong.insert(QStringLiteral("start"), BackendForm::tr("Say how it is started."));
    }
    if (!filled("sshHost") && (filled("sshUser") || filled("sshPort") || filled("sshIdentity") ||
                               filled("sshRemotePort"))) {
        wrong.insert(QStringLiteral("sshHost"), BackendForm::tr("Say which host."));
    }
    return wrong;
}

QJsonObject toConfig(const QVariantMap &form, const QJsonObject &base)
{
    QJsonObject config = base;
    for (const Field &field : kFields) {
        const QVariant typed = form.value(latin(field.key));
        const QJsonValue before = valueOf(base, field);
        if (!typed.isValid() || typed == shown(before, field.kind)) {
            continue; // also keeps a number that was written with its unit
        }
        QJsonValue value(QJsonValue::Undefined);
        const QString text = typed.toString().trimmed();
        switch (field.kind) {
        case Kind::Off:
            value = typed.toBool() ? QJsonValue(false) : QJsonValue(QJsonValue::Undefined);
            break;
        case Kind::Text:
            value = text.isEmpty() ? QJsonValue(QJsonValue::Undefined) : QJsonValue(text);
            break;
        case Kind::Integer:
        case Kind::Seconds:
            if (!text.isEmpty()) {
                const double factor = field.kind == Kind::Seconds ? 1e3 : 1;
                value = qint64(std::llround(text.toDouble() * factor));
            }
            break;
        }
        const QString name = latin(field.section);
        QJsonObject section = name.isEmpty() ? config : config.value(name).toObject();
        if (value.isUndefined()) {
            section.remove(latin(field.entry));
        } else {
            section[latin(field.entry)] = value;
        }
        if (name.isEmpty()) {
            config = section;
        } else if (section.isEmpty()) {
            config.remove(name);
        } else {
            config[name] = section;
        }
    }
    return config;
}

} // namespace tidegate::backendform
