// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/desktop/demolink.h"
#include "app/viewmodels/appcontroller.h"

#include <QColor>
#include <QObject>
#include <QQuickItem>
#include <QStringList>
#include <QTemporaryDir>

#include <memory>

class QQmlEngine;

namespace tidegate {

/// The program behind the panel under test: real view models over a played gateway, and what test
/// cases need that QML cannot do.
///
/// Lives in the GUI thread; owned by main(). QML sees it as `bench`.
class PanelBench : public QObject
{
    Q_OBJECT

public:
    PanelBench();
    ~PanelBench() override;

    /// Adds finished requests: every tenth failed, every seventh cancelled.
    Q_INVOKABLE void addRequests(int count);
    Q_INVOKABLE void addStreaming(int count);
    /// The last @p count requests change, as streams do.
    Q_INVOKABLE void changeRequests(int count);
    /// WCAG contrast ratio, 1…21, of opaque colours.
    Q_INVOKABLE static double contrast(const QColor &a, const QColor &b);
    /// Items below @p root that can have the focus but no Accessible.name; each as type and text.
    Q_INVOKABLE static QStringList unnamedItems(QQuickItem *root);
    /// How many items below @p root can have the focus.
    Q_INVOKABLE static int focusableCount(QQuickItem *root);
    /// Items smaller than 24 px that a pointer is to hit.
    Q_INVOKABLE static QStringList smallTargets(QQuickItem *root);
    /// The visible item of that objectName below @p root; null when there is none.
    Q_INVOKABLE static QQuickItem *find(QQuickItem *root, const QString &objectName);
    /// The content of a file that the panel saved; empty when there is none.
    Q_INVOKABLE QString saved(const QString &name) const;
    /// The panel saved a picture of that name.
    Q_INVOKABLE bool isPicture(const QString &name) const;
    /// The breaker of a backend is in that state: "open" with 12 of 30 seconds to go, "half_open"
    /// with one of three probes done, or "closed".
    Q_INVOKABLE void playBreaker(const QString &backend, const QString &state);
    /// Usage cannot be read, for this reason; empty: it can again.
    Q_INVOKABLE void failReports(const QString &why);
    /// Writes a picture into $TIDEGATE_PICTURES, if set: to look at dialogs.
    Q_INVOKABLE static void picture(QQuickItem *item, const QString &name);

public Q_SLOTS:
    /// Called by Quick Test for each file.
    void qmlEngineAvailable(QQmlEngine *engine);

private:
    void add(int count, bool streaming);
    [[nodiscard]] static ExchangeEvent request(quint64 id, bool streaming);

    QTemporaryDir m_dir;
    DemoLink m_link;
    SessionSecrets m_secrets;
    AppSettings m_settings;
    std::unique_ptr<AppController> m_app;
    quint64 m_nextId = 1;
    qint64 m_changes = 0;
};

} // namespace tidegate
