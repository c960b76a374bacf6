// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/gui/statusnotifierwatcher.h"

#include <QDBusArgument>
#include <QDBusConnection>
#include <QDBusMessage>
#include <QDBusVariant>
#include <QGuiApplication>
#include <QImage>
#include <QPixmap>
#include <QProcess>
#include <QScreen>
#include <QtTest>

namespace {

struct MenuEntry
{
    int id = 0;
    QString label;
    bool enabled = true;
};

/// Reads one com.canonical.dbusmenu item, (ia{sv}av), and what is below it.
void readMenu(const QDBusArgument &argument, QList<MenuEntry> &entries)
{
    MenuEntry entry;
    QVariantMap properties;
    argument.beginStructure();
    argument >> entry.id >> properties;
    entry.label = properties.value(QStringLiteral("label")).toString().remove(u'_');
    entry.enabled = properties.value(QStringLiteral("enabled"), true).toBool();
    entries.append(entry);
    argument.beginArray();
    while (!argument.atEnd()) {
        QDBusVariant child;
        argument >> child;
        readMenu(child.variant().value<QDBusArgument>(), entries);
    }
    argument.endArray();
    argument.endStructure();
}

} // namespace

/// The real program's icon in a played desktop panel, over D-Bus, as a desktop would use it.
class TestTray : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void cleanupTestCase();
    void registersAndShowsItsState();
    void menuHasItsLabels();
    void pauseChangesLabelAndIcon();
    void activateOpensTheWindow();
    void quitEndsTheProgram();
    void withoutTrayTheWindowComes();

private:
    void startInTray()
    {
        m_program.setProcessChannelMode(QProcess::ForwardedChannels);
        m_program.start(QStringLiteral(TIDEGATE_PROGRAM),
                        {QStringLiteral("--demo"), QStringLiteral("--tray")});
        QVERIFY(m_program.waitForStarted());
    }
    [[nodiscard]] QVariant property(const char *name) const
    {
        QDBusMessage call = QDBusMessage::createMethodCall(
            m_watcher.item, QStringLiteral("/StatusNotifierItem"),
            QStringLiteral("org.freedesktop.DBus.Properties"), QStringLiteral("Get"));
        call << QStringLiteral("org.kde.StatusNotifierItem") << QString::fromLatin1(name);
        const QVariantList reply = QDBusConnection::sessionBus().call(call).arguments();
        return reply.value(0).value<QDBusVariant>().variant();
    }
    QDBusMessage askMenu(const QString &method, const QVariantList &arguments) const
    {
        QDBusMessage call =
            QDBusMessage::createMethodCall(m_watcher.item, QStringLiteral("/MenuBar"),
                                           QStringLiteral("com.canonical.dbusmenu"), method);
        call.setArguments(arguments);
        return QDBusConnection::sessionBus().call(call);
    }
    [[nodiscard]] QList<MenuEntry> menu() const
    {
        askMenu(QStringLiteral("AboutToShow"), {0});
        const QDBusMessage reply = askMenu(QStringLiteral("GetLayout"), {0, -1, QStringList()});
        QList<MenuEntry> entries;
        if (reply.arguments().size() == 2) {
            readMenu(reply.arguments().at(1).value<QDBusArgument>(), entries);
        }
        return entries;
    }
    [[nodiscard]] static const MenuEntry *find(const QList<MenuEntry> &entries,
                                               const QString &start)
    {
        for (const MenuEntry &entry : entries) {
            if (entry.label.startsWith(start)) {
                return &entry;
            }
        }
        return nullptr;
    }
    [[nodiscard]] bool click(const QString &label) const
    {
        const QList<MenuEntry> entries = menu();
        const MenuEntry *entry = find(entries, label);
        if (entry == nullptr) {
            return false;
        }
        const QDBusMessage reply =
            askMenu(QStringLiteral("Event"), {entry->id, QStringLiteral("clicked"),
                                              QVariant::fromValue(QDBusVariant(0)), 0U});
        return reply.type() == QDBusMessage::ReplyMessage;
    }
    /// Pixels of the screen that are not the empty root window's.
    [[nodiscard]] static int drawnPixels()
    {
        const QImage image =
            QGuiApplication::primaryScreen()->grabWindow(0).toImage().scaled(160, 120);
        int drawn = 0;
        for (int y = 0; y < image.height(); ++y) {
            for (int x = 0; x < image.width(); ++x) {
                drawn += (image.pixel(x, y) & 0xFFFFFF) != 0 ? 1 : 0;
            }
        }
        return drawn;
    }

    StatusNotifierWatcher m_watcher;
    QProcess m_program;
};

void TestTray::initTestCase()
{
    QVERIFY2(m_watcher.appear(), qPrintable(QDBusConnection::sessionBus().lastError().message()));
    startInTray();
}

void TestTray::cleanupTestCase()
{
    if (m_program.state() != QProcess::NotRunning) {
        m_program.kill();
        m_program.waitForFinished();
    }
}

void TestTray::registersAndShowsItsState()
{
    QTRY_VERIFY_WITH_TIMEOUT(!m_watcher.item.isEmpty(), 30'000);
    QTRY_VERIFY(property("Id").isValid());
    QCOMPARE(property("Status").toString(), QStringLiteral("Active"));
    // Started with --tray: no window.
    QCOMPARE(drawnPixels(), 0);
}

void TestTray::menuHasItsLabels()
{
    QTRY_VERIFY(find(menu(), QStringLiteral("Running · 127.0.0.1:8080")) != nullptr);
    const QList<MenuEntry> entries = menu();
    QVERIFY(!find(entries, QStringLiteral("Running"))->enabled);
    for (const char *label : {"Open Tidegate", "Copy base URL", "Copy client snippet", "curl",
                              "Python", "Pause accepting", "Today: ", "Backends", "● openai",
                              "Start at login", "Settings", "Quit"}) {
        QVERIFY2(find(entries, QString::fromUtf8(label)) != nullptr, label);
    }
}

void TestTray::pauseChangesLabelAndIcon()
{
    const auto icon = [this] {
        QByteArray bytes;
        const QDBusArgument argument = property("IconPixmap").value<QDBusArgument>();
        argument.beginArray();
        while (!argument.atEnd()) {
            int width = 0;
            int height = 0;
            QByteArray pixels;
            argument.beginStructure();
            argument >> width >> height >> pixels;
            argument.endStructure();
            bytes += pixels;
        }
        return bytes;
    };
    const QByteArray before = icon();
    QVERIFY(!before.isEmpty());
    QVERIFY(click(QStringLiteral("Pause accepting")));
    QTRY_VERIFY(find(menu(), QStringLiteral("Resume")) != nullptr);
    QTRY_VERIFY(find(menu(), QStringLiteral("Paused")) != nullptr);
    QVERIFY(icon() != before);
    QVERIFY(click(QStringLiteral("Resume")));
    QTRY_VERIFY(find(menu(), QStringLiteral("Pause accepting")) != nullptr);
    QCOMPARE(icon(), before);
}

void TestTray::activateOpensTheWindow()
{
    QCOMPARE(drawnPixels(), 0);
    QDBusMessage call = QDBusMessage::createMethodCall(
        m_watcher.item, QStringLiteral("/StatusNotifierItem"),
        QStringLiteral("org.kde.StatusNotifierItem"), QStringLiteral("Activate"));
    call << 0 << 0;
    QCOMPARE(QDBusConnection::sessionBus().call(call).type(), QDBusMessage::ReplyMessage);
    QTRY_VERIFY_WITH_TIMEOUT(drawnPixels() > 1'000, 20'000);
}

void TestTray::quitEndsTheProgram()
{
    // The demo always has something running, so that there are two ways.
    QTRY_VERIFY(find(menu(), QStringLiteral("Finish ")) != nullptr);
    QVERIFY(click(QStringLiteral("Quit now")));
    QVERIFY(m_program.waitForFinished(20'000));
    QCOMPARE(m_program.exitStatus(), QProcess::NormalExit);
    QCOMPARE(m_program.exitCode(), 0);
}

void TestTray::withoutTrayTheWindowComes()
{
    QTRY_COMPARE(drawnPixels(), 0);
    m_watcher.vanish();
    startInTray();
    // A tray may come late at login, so the window takes its time; but it comes.
    QTRY_VERIFY_WITH_TIMEOUT(drawnPixels() > 1'000, 60'000);
    m_program.terminate();
    QVERIFY(m_program.waitForFinished(30'000));
    QCOMPARE(m_program.exitStatus(), QProcess::NormalExit);
    QCOMPARE(m_program.exitCode(), 0);
}

QTEST_MAIN(TestTray)
#include "tst_tray.moc"
