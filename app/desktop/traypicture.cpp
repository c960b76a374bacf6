// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desktop/traypicture.h"

#include <QBuffer>
#include <QFile>
#include <QImageReader>
#include <QPixmap>

namespace tidegate {

namespace {

/// The ink that the symbolic files are drawn with; icon themes replace it too.
const QByteArray kDrawnInk = QByteArrayLiteral("#2e3436");
const QByteArray kLightInk = QByteArrayLiteral("#f2f7f7");

QString fileOf(TrayController::Icon icon, const QString &ending)
{
    const QString name = icon == TrayController::Icon::Error    ? QStringLiteral("tidegate-error")
                         : icon == TrayController::Icon::Paused ? QStringLiteral("tidegate-paused")
                                                                : QStringLiteral("tidegate");
    return QStringLiteral(":/tidegate/icons/mark/") + name + ending;
}

} // namespace

QIcon trayPicture(TrayController::Icon icon, AppSettings::TrayStyle style)
{
    if (style == AppSettings::TrayStyle::Colour) {
        return QIcon(fileOf(icon, QStringLiteral(".svg")));
    }
    QFile file(fileOf(icon, QStringLiteral("-symbolic.svg")));
    if (!file.open(QIODevice::ReadOnly)) {
        return {};
    }
    QByteArray drawing = file.readAll();
    if (style == AppSettings::TrayStyle::Light) {
        drawing.replace(kDrawnInk, kLightInk);
    }
    QIcon picture;
    for (const int size : {16, 22, 24, 32, 48, 64}) {
        QBuffer buffer(&drawing);
        QImageReader reader(&buffer, "svg");
        reader.setScaledSize({size, size});
        picture.addPixmap(QPixmap::fromImage(reader.read()));
    }
    // macOS draws it in the colour of its menu bar.
    picture.setIsMask(true);
    return picture;
}

} // namespace tidegate
