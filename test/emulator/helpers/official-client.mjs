// Runs calls with the vendor's own client, in a process of its own because that client logs to stdout and
// keeps files in the home directory. Receives jobs as messages, and replies with the results of each.
import sdk from '@huaweicloud/huaweicloud-sdk-core';
import builders from '@huaweicloud/huaweicloud-sdk-core/ClientBuilder.js';

const COLLECTION = '/v2.0/{project_id}/datasource-connection';
const ENHANCED = '/v2.0/{project_id}/datasource/enhanced-connections';
// As the generated clients describe their operations.
const OPERATIONS = {
  create: { method: 'POST', url: COLLECTION },
  list: { method: 'GET', url: COLLECTION },
  get: { method: 'GET', url: `${COLLECTION}/{connection_id}` },
  delete: { method: 'DELETE', url: `${COLLECTION}/{connection_id}` },
  createEnhanced: { method: 'POST', url: ENHANCED },
  listEnhanced: { method: 'GET', url: ENHANCED },
  getEnhanced: { method: 'GET', url: `${ENHANCED}/{connection_id}` },
  deleteEnhanced: { method: 'DELETE', url: `${ENHANCED}/{connection_id}` },
  associate: { method: 'POST', url: `${ENHANCED}/{connection_id}/associate-queue` },
  disassociate: { method: 'POST', url: `${ENHANCED}/{connection_id}/disassociate-queue` },
  privileges: { method: 'GET', url: `${ENHANCED}/{connection_id}/privileges` },
  tags: { method: 'GET', url: '/v3/{project_id}/dli_enhanced_datasource/{connection_id}/tags' },
  listPools: { method: 'GET', url: '/v3/{project_id}/elastic-resource-pools' },
  listQueues: { method: 'GET', url: '/v1.0/{project_id}/queues' },
};

process.on('message', async job => {
  const results = [];
  for (const step of job.steps) {
    const { connectionId, ...request } = step;
    if (connectionId === 'created') request.connectionId = results[0].connection_id;
    else request.connectionId = connectionId;
    results.push(await run(job, request));
  }
  process.send(results);
});

async function run({ endpoint, iamEndpoint, region, ...keys }, step) {
  const credentials = new sdk.BasicCredentials().withAk(keys.accessKey).withSk(keys.secretKey);
  if (keys.projectId) credentials.withProjectId(keys.projectId);
  if (keys.securityToken) credentials.withSecurityToken(keys.securityToken);
  if (iamEndpoint) credentials.withIamEndpoint(iamEndpoint);
  const builder = new builders.ClientBuilder(client => client).withCredential(credentials).withEndpoint(endpoint);
  if (region) builder.withRegion(new sdk.Region(region, [endpoint]));
  try {
    return await builder.build().sendRequest({
      ...OPERATIONS[step.operation],
      contentType: 'application/json',
      queryParams: step.query ?? {},
      pathParams: step.connectionId ? { connection_id: step.connectionId } : {},
      headers: {},
      data: step.body ?? {},
    });
  } catch (error) {
    const { httpStatusCode, errorCode, errorMsg, requestId } = error;
    return { failed: true, httpStatusCode, errorCode, errorMsg, requestId };
  }
}
