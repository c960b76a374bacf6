// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/admin/adminrouter.h"
#include "gateway/store/requestfilter.h"

#include <QStringList>

namespace tidegate {

class AdminQuery;
class AdminReaders;
class Gateway;

/// /admin/v1/requests and the ledger's part of /admin/v1/export
///
/// Lives in the main thread; owned by the AdminApi. Reads in the threads of its AdminReaders, some
/// rows at a time, so that neither memory nor the database's log grows with what is asked for.
class LedgerRoutes
{
public:
    LedgerRoutes(Gateway &gateway, AdminReaders &readers);

    void addRoutes(AdminRouter &router);
    /// Streams every row that matches, oldest first. @p query has the names of filterNames().
    void exportRows(const AdminCall &call, AdminQuery &query, const QString &format);
    [[nodiscard]] static QStringList filterNames();

private:
    void list(const AdminCall &call);
    void read(const AdminCall &call);

    Gateway &m_gateway;
    AdminReaders &m_readers;
};

} // namespace tidegate
