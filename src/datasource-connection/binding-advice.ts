import type { BindingFailureCause } from '../dli/connection.js';

const REBIND = 'Then delete the connection and create it again, because DLI does not release a failed binding.';

/** What a person can do about a failed binding, by its cause. */
export const BINDING_ADVICE: Readonly<Record<BindingFailureCause, string>> = {
  CIDR_OVERLAP: `Use a pool or queue whose address range overlaps neither with the VPC of the data source nor with another pool or queue that is bound. A pool keeps its range for life, and the default range 172.16.0.0/12 overlaps with many VPCs, so this may take a new pool with another range. ${REBIND}`,
  AGENCY_PERMISSION_MISSING: `Have an administrator of the account add the permission "DLI Datasource Connections Agency Access" to the agency dli_management_agency, in DLI's console under Global Configuration, Service Authorization. ${REBIND}`,
  NETWORK_NOT_FOUND: `Check in the VPC console that the VPC, the subnet and its route table still exist, and that networkId is the network id of the subnet. ${REBIND}`,
  ROUTE_CONFLICT: `Remove the route that leads to the address range of the pool or queue from the route table of the subnet, or use another route table. ${REBIND}`,
  NETWORK_QUOTA: `Have the quotas of VPC peering connections and of routes raised, or delete peerings and routes that are not used. ${REBIND}`,
  OTHER: `Check the reason, the address ranges on both sides and the quotas of the VPC. ${REBIND} If it fails again, contact Huawei Cloud's support with the id of the peering.`,
};
