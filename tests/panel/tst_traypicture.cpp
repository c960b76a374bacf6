// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desktop/traypicture.h"

#include <QImage>
#include <QTest>

using namespace tidegate;

namespace {

using Icon = TrayController::Icon;
using Style = AppSettings::TrayStyle;

QImage drawn(Icon icon, Style style, int size)
{
    return trayPicture(icon, style).pixmap(size).toImage().convertToFormat(QImage::Format_ARGB32);
}

} // namespace

/// The pictures for the tray, as the tray gets them.
class TestTrayPicture : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void oneColourForEachPanel();
    void everyStateLooksDifferent();
};

void TestTrayPicture::oneColourForEachPanel()
{
    for (const Style style : {Style::Light, Style::Dark}) {
        for (const int size : {16, 22, 32, 64}) {
            const QImage image = drawn(Icon::Plain, style, size);
            QCOMPARE(image.size(), QSize(size, size));
            int ink = 0;
            int clear = 0;
            for (int y = 0; y < size; ++y) {
                for (int x = 0; x < size; ++x) {
                    const QColor pixel = image.pixelColor(x, y);
                    clear += pixel.alpha() == 0 ? 1 : 0;
                    if (pixel.alpha() > 200) {
                        ++ink;
                        QCOMPARE(pixel.lightness() > 128, style == Style::Light);
                    }
                }
            }
            QVERIFY(ink > size * size / 10);
            QVERIFY(clear > size * size / 10);
        }
    }
    QVERIFY(drawn(Icon::Plain, Style::Colour, 32).pixelColor(16, 4).alpha() > 200);
}

void TestTrayPicture::everyStateLooksDifferent()
{
    for (const Style style : {Style::Colour, Style::Light, Style::Dark}) {
        const QImage plain = drawn(Icon::Plain, style, 22);
        const QImage paused = drawn(Icon::Paused, style, 22);
        const QImage error = drawn(Icon::Error, style, 22);
        QVERIFY(plain != paused && plain != error && paused != error);
    }
}

QTEST_MAIN(TestTrayPicture)
#include "tst_traypicture.moc"
