// SPDX-License-Identifier: GPL-3.0-or-later
#include "qml/controls/icon.h"

#include <QCache>
#include <QLoggingCategory>
#include <QMutex>
#include <QPainter>
#include <QQuickWindow>
#include <QSGImageNode>
#include <QSvgRenderer>

namespace tidegate {

namespace {

Q_LOGGING_CATEGORY(lcIcon, "tidegate.ui.icon")

constexpr int kCachedImages = 256;

QString pathOf(const QString &name)
{
    const QString folder = name.contains(u'/') ? QString() : QStringLiteral("lucide/");
    return QStringLiteral(":/tidegate/icons/") + folder + name + QStringLiteral(".svg");
}

} // namespace

Icon::Icon(QQuickItem *parent)
    : QQuickItem(parent)
{
    setFlag(ItemHasContents);
    setImplicitSize(m_size, m_size);
}

void Icon::setName(const QString &name)
{
    if (m_name == name) {
        return;
    }
    m_name = name;
    redraw();
    Q_EMIT nameChanged();
}

void Icon::setColor(const QColor &color)
{
    if (m_color == color) {
        return;
    }
    m_color = color;
    redraw();
    Q_EMIT colorChanged();
}

void Icon::setSize(int size)
{
    if (m_size == size) {
        return;
    }
    m_size = size;
    setImplicitSize(m_size, m_size);
    redraw();
    Q_EMIT sizeChanged();
}

void Icon::redraw()
{
    m_changed = true;
    update();
}

void Icon::itemChange(ItemChange change, const ItemChangeData &value)
{
    if (change == ItemDevicePixelRatioHasChanged) {
        redraw();
    }
    QQuickItem::itemChange(change, value);
}

QSGNode *Icon::updatePaintNode(QSGNode *old, UpdatePaintNodeData *data)
{
    Q_UNUSED(data);
    auto *node = static_cast<QSGImageNode *>(old);
    if (m_changed) {
        // The software node does not free a replaced texture: start over instead.
        delete node;
        node = nullptr;
    }
    if (m_name.isEmpty() || width() <= 0) {
        delete node;
        return nullptr;
    }
    if (node == nullptr) {
        node = window()->createImageNode();
        node->setOwnsTexture(true);
        node->setFiltering(QSGTexture::Linear);
        node->setTexture(window()->createTextureFromImage(
            image(window()->effectiveDevicePixelRatio()), QQuickWindow::TextureCanUseAtlas));
        m_changed = false;
    }
    node->setRect(boundingRect());
    return node;
}

QImage Icon::image(qreal ratio) const
{
    // Called only from updatePaintNode(), while the GUI thread waits; every window has its own
    // render thread though.
    static QMutex mutex;
    static QCache<QString, QImage> cache(kCachedImages);
    const QMutexLocker locker(&mutex);
    const int pixels = qMax(1, qRound(m_size * ratio));
    const QString key =
        m_name + u'/' + QString::number(pixels) + u'/' + m_color.name(QColor::HexArgb);
    if (const QImage *known = cache.object(key)) {
        return *known;
    }
    QImage drawn(pixels, pixels, QImage::Format_ARGB32_Premultiplied);
    drawn.fill(Qt::transparent);
    QSvgRenderer renderer(pathOf(m_name));
    if (!renderer.isValid()) {
        qCWarning(lcIcon) << "no such icon:" << m_name;
    }
    QPainter painter(&drawn);
    renderer.render(&painter);
    if (m_color.alpha() > 0) {
        painter.setCompositionMode(QPainter::CompositionMode_SourceIn);
        painter.fillRect(drawn.rect(), m_color);
    }
    painter.end();
    cache.insert(key, new QImage(drawn));
    return drawn;
}

} // namespace tidegate
