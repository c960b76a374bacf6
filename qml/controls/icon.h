// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QImage>
#include <QQuickItem>
#include <QString>
#include <QtQml/qqmlregistration.h>

namespace tidegate {

/// Draws one icon of resources/icons in a given colour, also under the software renderer.
///
/// Lives in the GUI thread, owned by its QML parent. Rendered images are shared by all icons.
class Icon : public QQuickItem
{
    Q_OBJECT
    QML_ELEMENT
    /// "play" is lucide/play.svg; a name with a slash is a path below resources/icons.
    Q_PROPERTY(QString name READ name WRITE setName NOTIFY nameChanged FINAL)
    /// Colour of strokes and fills; transparent keeps the file's own colours.
    Q_PROPERTY(QColor color READ color WRITE setColor NOTIFY colorChanged FINAL)
    /// Width and height in pixels.
    Q_PROPERTY(int size READ size WRITE setSize NOTIFY sizeChanged FINAL)

public:
    explicit Icon(QQuickItem *parent = nullptr);

    [[nodiscard]] QString name() const { return m_name; }
    void setName(const QString &name);
    [[nodiscard]] QColor color() const { return m_color; }
    void setColor(const QColor &color);
    [[nodiscard]] int size() const { return m_size; }
    void setSize(int size);

Q_SIGNALS:
    void nameChanged();
    void colorChanged();
    void sizeChanged();

protected:
    QSGNode *updatePaintNode(QSGNode *old, UpdatePaintNodeData *data) override;
    void itemChange(ItemChange change, const ItemChangeData &value) override;

private:
    void redraw();
    [[nodiscard]] QImage image(qreal ratio) const;

    QString m_name;
    QColor m_color = Qt::black;
    int m_size = 16;
    bool m_changed = true;
};

} // namespace tidegate
