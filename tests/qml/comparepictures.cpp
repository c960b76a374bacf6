// SPDX-License-Identifier: GPL-3.0-or-later

// comparepictures EXPECTED ACTUAL DIFF: exit 0 when two pictures look the same, 1 when not, and
// then DIFF shows where. Anti-aliasing differs a little between font library versions, so some is
// forgiven.

#include <QGuiApplication>
#include <QImage>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace {

/// Per channel, of 255.
constexpr int kForgivenStep = 8;
/// Share of pixels that may differ by more. The golden pictures were taken with Qt 6.4; later
/// versions place and smooth some edges a little differently.
constexpr double kForgivenShare = QT_VERSION < QT_VERSION_CHECK(6, 5, 0) ? 0.001 : 0.01;

int step(QRgb a, QRgb b)
{
    return std::max({std::abs(qRed(a) - qRed(b)), std::abs(qGreen(a) - qGreen(b)),
                     std::abs(qBlue(a) - qBlue(b))});
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 4) {
        std::fprintf(stderr, "usage: comparepictures EXPECTED ACTUAL DIFF\n");
        return 2;
    }
    const QImage expected =
        QImage(QString::fromLocal8Bit(argv[1])).convertToFormat(QImage::Format_RGB32);
    const QImage actual =
        QImage(QString::fromLocal8Bit(argv[2])).convertToFormat(QImage::Format_RGB32);
    if (expected.isNull() || actual.isNull() || expected.size() != actual.size()) {
        std::fprintf(stderr, "%s: no picture, or not of the size of %s\n", argv[2], argv[1]);
        return 1;
    }
    QImage difference =
        actual.convertToFormat(QImage::Format_Grayscale8).convertToFormat(QImage::Format_RGB32);
    qint64 different = 0;
    for (int y = 0; y < expected.height(); ++y) {
        for (int x = 0; x < expected.width(); ++x) {
            if (step(expected.pixel(x, y), actual.pixel(x, y)) > kForgivenStep) {
                ++different;
                difference.setPixel(x, y, qRgb(255, 0, 128));
            }
        }
    }
    const double share = double(different) / (double(expected.width()) * expected.height());
    if (share <= kForgivenShare) {
        return 0;
    }
    difference.save(QString::fromLocal8Bit(argv[3]));
    std::fprintf(stderr, "%s: %.2f %% of the pixels differ, see %s\n", argv[2], share * 100.0,
                 argv[3]);
    return 1;
}
