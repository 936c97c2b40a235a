package concordat.access.gateway

import data.concordat.lib.agreed

fields contains s if some s in agreed.held
