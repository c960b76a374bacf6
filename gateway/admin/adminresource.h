// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/admin/adminrouter.h"
#include "gateway/protocol/apierror.h"

#include <QJsonObject>
#include <QString>
#include <QStringList>

#include <functional>
#include <variant>
#include <vector>

namespace tidegate {

/// A collection of the admin API: list, create, read, patch and delete, the same for all.
///
/// Lives in the main thread; owned by the AdminApi. Each collection says what its items look like
/// and how they are stored. An item is its configuration, as in the file, and around it what only
/// Tidegate knows: `object`, `id`, `source` and the names in readOnly().
class AdminResource
{
public:
    using Answer = std::function<void(const std::variant<QJsonObject, ApiError> &)>;

    virtual ~AdminResource();
    AdminResource(const AdminResource &) = delete;
    AdminResource &operator=(const AdminResource &) = delete;

    /// Adds `collection` and `collection/{…}`.
    void addRoutes(AdminRouter &router);

protected:
    /// @p collection: "keys"; @p one: "key"; @p idName: the item's member that its URL has.
    AdminResource(QString collection, QString one, QString idName);

    /// In an order that stays: the next page begins after the last item of this one.
    [[nodiscard]] virtual std::vector<QJsonObject> items() const = 0;
    /// Members that only Tidegate sets, besides `object` and `source`.
    [[nodiscard]] virtual QStringList readOnly() const = 0;
    /// Stores @p item, which has the client's members only; the answer is the item as it is now.
    virtual void create(const QJsonObject &item, Answer answer) = 0;
    /// @p item has all members but the read-only ones.
    virtual void change(const QString &id, const QJsonObject &item, Answer answer) = 0;
    virtual void remove(const QString &id, std::function<void(const QString &error)> done) = 0;

    [[nodiscard]] QJsonObject find(const QString &id) const;
    /// For answers to create() and change().
    [[nodiscard]] std::variant<QJsonObject, ApiError> found(const QString &id) const;
    [[nodiscard]] const QString &collection() const { return m_collection; }
    [[nodiscard]] ApiError noSuch(const QString &id) const;

private:
    void list(const AdminCall &call) const;
    void read(const AdminCall &call) const;
    void post(const AdminCall &call);
    void patch(const AdminCall &call);
    void erase(const AdminCall &call);
    [[nodiscard]] QString idOf(const QJsonObject &item) const;
    /// Takes out what the client may not set. An error when it tries to change it.
    [[nodiscard]] std::variant<QJsonObject, ApiError> writable(const QJsonObject &item,
                                                               const QJsonObject &before) const;

    const QString m_collection;
    const QString m_one;
    const QString m_idName;
};

} // namespace tidegate
