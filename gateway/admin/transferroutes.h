// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/admin/adminrouter.h"

namespace tidegate {

class Gateway;
class LedgerRoutes;

/// /admin/v1/export and /admin/v1/import
///
/// Lives in the main thread; owned by the AdminApi.
class TransferRoutes
{
public:
    TransferRoutes(Gateway &gateway, LedgerRoutes &ledger);

    void addRoutes(AdminRouter &router);

private:
    void exportData(const AdminCall &call);
    void importConfig(const AdminCall &call);

    Gateway &m_gateway;
    LedgerRoutes &m_ledger;
};

} // namespace tidegate
