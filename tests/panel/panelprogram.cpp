// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/panel/panelprogram.h"

#include "app/viewmodels/englishplurals.h"
#include "gateway/upstream/upstreamclient.h"

#include <QCoreApplication>
#include <QDeadlineTimer>
#include <QQuickItem>
#include <QQuickStyle>
#include <QtQml/QQmlExtensionPlugin>

#include <cstdio>

Q_IMPORT_QML_PLUGIN(TidegatePlugin)
Q_IMPORT_QML_PLUGIN(Tidegate_AppPlugin)

namespace tidegate {

namespace {

constexpr int kStartMs = 60'000;

QQuickItem *findVisible(QQuickItem *item, const QString &objectName)
{
    if (!item->isVisible() || item->objectName() == objectName) {
        return item->isVisible() ? item : nullptr;
    }
    const QList<QQuickItem *> children = item->childItems();
    for (QQuickItem *child : children) {
        if (QQuickItem *found = findVisible(child, objectName)) {
            return found;
        }
    }
    return nullptr;
}

} // namespace

PanelProgram::PanelProgram(const GatewayOptions &options)
    : m_gateway(options, nullptr)
    , m_secrets(nullptr)
    , m_adminApi(m_gateway, &m_secrets)
    , m_link(m_gateway)
    , m_settings(m_link, options.dataDir + QStringLiteral("/panel.ini"),
                 Autostart(options.dataDir, QCoreApplication::applicationFilePath()))
    , m_app(m_link, m_secrets, m_settings, {})
    , m_tray(m_app)
{
    m_settings.overrideReducedMotion();
    m_qml.addImportPath(QStringLiteral("qrc:/qt/qml"));
}

void PanelProgram::prepare()
{
    UpstreamClient::initialiseLibrary();
    QQuickStyle::setStyle(QStringLiteral("Basic"));
    static EnglishPlurals english;
    QCoreApplication::installTranslator(&english);
}

bool PanelProgram::start()
{
    m_qml.load(QUrl(QStringLiteral("qrc:/qt/qml/Tidegate/Main.qml")));
    if (m_qml.rootObjects().isEmpty()) {
        return false;
    }
    m_window = qobject_cast<QQuickWindow *>(m_qml.rootObjects().constFirst());
    m_app.showWindow();
    m_link.start();
    QDeadlineTimer deadline(kStartMs);
    while (m_link.state() != Gateway::State::Running && !deadline.hasExpired()) {
        QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents | QEventLoop::AllEvents, 50);
        if (m_link.state() == Gateway::State::Failed) {
            std::fprintf(stderr, "%s\n", qPrintable(m_link.failure()));
            return false;
        }
    }
    if (m_app.currentPage() == QStringLiteral("setup")) {
        m_app.finishSetup();
    }
    return m_link.state() == Gateway::State::Running;
}

QQuickItem *PanelProgram::find(const QString &objectName) const
{
    return findVisible(m_window->contentItem(), objectName);
}

} // namespace tidegate
