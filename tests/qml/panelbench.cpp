// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/qml/panelbench.h"

#include <QDir>
#include <QFile>
#include <QImage>
#include <QQmlContext>
#include <QQmlEngine>
#include <QQmlProperty>
#include <QQuickWindow>

#include <algorithm>
#include <cmath>
#include <functional>

namespace tidegate {

namespace {

constexpr int kSmallestTarget = 24;

DemoLink::Options linkOptions()
{
    DemoLink::Options options;
    options.frozen = true;
    options.quiet = true;
    return options;
}

double luminance(const QColor &color)
{
    const auto linear = [](double channel) {
        return channel <= 0.03928 ? channel / 12.92 : std::pow((channel + 0.055) / 1.055, 2.4);
    };
    return 0.2126 * linear(color.redF()) + 0.7152 * linear(color.greenF()) +
           0.0722 * linear(color.blueF());
}

bool takesFocus(const QQuickItem *item)
{
    const QVariant policy = item->property("focusPolicy");
    const bool byPolicy = policy.isValid() && (policy.toInt() & Qt::TabFocus) != 0;
    return item->isEnabled() && (item->activeFocusOnTab() || byPolicy);
}

void walk(QQuickItem *item, const std::function<void(QQuickItem *)> &visit)
{
    if (item == nullptr || !item->isVisible()) {
        return;
    }
    visit(item);
    const QList<QQuickItem *> children = item->childItems();
    for (QQuickItem *child : children) {
        walk(child, visit);
    }
}

QString describe(const QQuickItem *item)
{
    return QString::fromLatin1(item->metaObject()->className()) + u' ' + item->objectName() + u' ' +
           item->property("text").toString();
}

} // namespace

PanelBench::PanelBench()
    : m_link(linkOptions())
    , m_secrets(nullptr)
    , m_settings(m_link, m_dir.filePath(QStringLiteral("panel.ini")),
                 Autostart(m_dir.path(), QStringLiteral("/usr/bin/tidegate")))
{
    AppController::Options options;
    options.frozen = true;
    options.clock = m_link.clock();
    options.downloadDir = m_dir.filePath(QStringLiteral("downloads"));
    m_app = std::make_unique<AppController>(m_link, m_secrets, m_settings, options);
    m_link.start();
}

PanelBench::~PanelBench() = default;

void PanelBench::qmlEngineAvailable(QQmlEngine *engine)
{
    engine->addImportPath(QStringLiteral("qrc:/qt/qml"));
    engine->rootContext()->setContextProperty(QStringLiteral("bench"), this);
}

void PanelBench::addRequests(int count)
{
    add(count, false);
}

void PanelBench::addStreaming(int count)
{
    add(count, true);
}

void PanelBench::changeRequests(int count)
{
    ExchangeBatch batch;
    for (quint64 id = m_nextId - quint64(count); id < m_nextId; ++id) {
        ExchangeEvent event = request(id, true);
        event.streamedEvents = ++m_changes;
        event.bytesOut = m_changes * 40;
        batch.events.append(event);
    }
    m_link.feed(batch);
}

void PanelBench::add(int count, bool streaming)
{
    ExchangeBatch batch;
    for (int i = 0; i < count; ++i) {
        batch.events.append(request(m_nextId++, streaming));
    }
    m_link.feed(batch);
}

ExchangeEvent PanelBench::request(quint64 id, bool streaming)
{
    ExchangeEvent event;
    event.id = id;
    event.startedAtUs = DemoLink::kFrozenUs - 1'000'000 + qint64(id);
    event.method = "POST";
    event.path = "/v1/chat/completions";
    event.endpoint = Endpoint::ChatCompletions;
    event.requestId = "req-" + QByteArray::number(id);
    event.requestedModel = event.servedModel = "qwen2.5-7b";
    event.backend = "gpu-box";
    event.keyId = -1; // ci, from the file
    event.attempts = 1;
    event.phase = streaming ? ExchangePhase::Streaming : ExchangePhase::Done;
    event.status = 200;
    if (!streaming && id % 10 == 0) {
        event.phase = ExchangePhase::Failed;
        event.status = 502;
        event.errorCode = "upstream_unavailable";
        event.errorMessage = QStringLiteral("gpu-box did not answer.");
    } else if (!streaming && id % 7 == 0) {
        event.phase = ExchangePhase::Cancelled;
    }
    event.timings.requestReadUs = 80;
    event.timings.routedUs = 120;
    event.timings.sentUs = 300;
    event.timings.firstByteUs = 90'000;
    event.timings.endUs = streaming ? -1 : 400'000;
    return event;
}

double PanelBench::contrast(const QColor &a, const QColor &b)
{
    const double one = luminance(a);
    const double other = luminance(b);
    return (std::max(one, other) + 0.05) / (std::min(one, other) + 0.05);
}

QStringList PanelBench::unnamedItems(QQuickItem *root)
{
    QStringList unnamed;
    walk(root, [&unnamed](QQuickItem *item) {
        if (!takesFocus(item)) {
            return;
        }
        // Qt keeps the name of a field with hidden text to itself.
        const QVariant echo = item->property("echoMode");
        const bool hidden = echo.isValid() && echo.toInt() != 0;
        const QQmlProperty name(item,
                                hidden ? QStringLiteral("Accessible.description")
                                       : QStringLiteral("Accessible.name"),
                                qmlContext(item));
        if (!name.isValid() || name.read().toString().isEmpty()) {
            unnamed.append(describe(item));
        }
    });
    return unnamed;
}

int PanelBench::focusableCount(QQuickItem *root)
{
    int count = 0;
    walk(root, [&count](QQuickItem *item) { count += takesFocus(item) ? 1 : 0; });
    return count;
}

QStringList PanelBench::smallTargets(QQuickItem *root)
{
    QStringList small;
    walk(root, [&small](QQuickItem *item) {
        if (takesFocus(item) && item->inherits("QQuickAbstractButton") &&
            (item->width() < kSmallestTarget || item->height() < kSmallestTarget)) {
            small.append(describe(item));
        }
    });
    return small;
}

QQuickItem *PanelBench::find(QQuickItem *root, const QString &objectName)
{
    QQuickItem *found = nullptr;
    walk(root, [&found, &objectName](QQuickItem *item) {
        if (found == nullptr && item->objectName() == objectName) {
            found = item;
        }
    });
    return found;
}

QString PanelBench::saved(const QString &name) const
{
    QFile file(m_dir.filePath(QStringLiteral("downloads/") + name));
    return file.open(QIODevice::ReadOnly) ? QString::fromUtf8(file.readAll()) : QString();
}

bool PanelBench::isPicture(const QString &name) const
{
    return !QImage(m_dir.filePath(QStringLiteral("downloads/") + name)).isNull();
}

void PanelBench::playBreaker(const QString &backend, const QString &state)
{
    BackendStatus status;
    status.name = backend.toUtf8();
    status.health = BackendHealth::Healthy;
    const qint64 nowMs = DemoLink::kFrozenUs / 1'000;
    BreakerSnapshot &breaker = status.breaker;
    if (state == QStringLiteral("open")) {
        breaker.state = BreakerState::Open;
        breaker.reason = BreakerReason::FailureRatio;
        breaker.fault = Fault::ServerError;
        status.breakerSinceMs = nowMs - 18'000;
        status.breakerOpenUntilMs = nowMs + 12'000;
        status.breakerHistory = {{status.breakerSinceMs, BreakerState::Closed, BreakerState::Open,
                                  breaker.reason, breaker.fault}};
    } else if (state == QStringLiteral("half_open")) {
        breaker.state = BreakerState::HalfOpen;
        breaker.reason = BreakerReason::TimeOver;
        breaker.probesSucceeded = 1;
        breaker.probesNeeded = 3;
        breaker.probeRunning = true;
        status.breakerSinceMs = nowMs - 2'000;
    }
    m_link.playStatus(status);
}

void PanelBench::failReports(const QString &why)
{
    m_link.failReports(why);
}

void PanelBench::picture(QQuickItem *item, const QString &name)
{
    const QString dir = qEnvironmentVariable("TIDEGATE_PICTURES");
    if (!dir.isEmpty() && item != nullptr && item->window() != nullptr) {
        item->window()->grabWindow().save(QDir(dir).filePath(name + QStringLiteral(".png")));
    }
}

} // namespace tidegate
