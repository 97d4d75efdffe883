// Some names are misspelt on purpose, and those of other software are not words.
// cspell:disable
import { describe, expect, it } from '@jest/globals';
import { envSchema, SECRET_KEYS } from '../../src/config/env-schema.js';
import { describeMisspelling, findMisspeltVariables } from '../../src/config/warnings.js';

/** What a Kubernetes pod, a CI job, a shell and a development machine have in their environments. */
const ORDINARY_NAMES = `
  PATH Path HOME HOST HOSTNAME host hostname USER USERNAME LOGNAME SHELL SHLVL PWD OLDPWD TERM TERM_PROGRAM LANG LC_ALL
  LANGUAGE TZ TMP TEMP TMPDIR EDITOR VISUAL PAGER DISPLAY MAIL COLORTERM LS_COLORS NO_COLOR FORCE_COLOR COLUMNS LINES _
  PORT PORTS port PORTAL NODE NODE_VERSION YARN_VERSION NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS NODE_DEBUG
  NODE_NO_WARNINGS NODE_NAME NODE_IP NODE_HOST NODE_ENVIRONMENT UV_THREADPOOL_SIZE npm_command npm_config_cache
  npm_config_loglevel npm_config_cafile npm_config_noproxy npm_config_user_agent npm_execpath npm_lifecycle_event
  npm_node_execpath npm_package_json npm_package_name npm_package_version INIT_CWD COREPACK_HOME NVM_DIR
  HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY FTP_PROXY http_proxy https_proxy no_proxy all_proxy SSL_CERT_FILE SSL_CERT_DIR
  KUBERNETES_PORT KUBERNETES_PORT_443_TCP KUBERNETES_PORT_443_TCP_ADDR KUBERNETES_PORT_443_TCP_PORT
  KUBERNETES_PORT_443_TCP_PROTO KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT KUBERNETES_SERVICE_PORT_HTTPS
  ADMIN_SERVICE_HOST ADMIN_SERVICE_PORT ADMIN_PORT_4001_TCP ADMIN_PORT_4001_TCP_ADDR DLI_GATEWAY_PORT
  DLI_GATEWAY_SERVICE_HOST DLI_GATEWAY_SERVICE_PORT DLI_GATEWAY_PORT_4000_TCP DLI_GATEWAY_PORT_4000_TCP_PROTO DLI_PORT
  DLI_ENDPOINT_SERVICE_HOST DLI_ENDPOINT_PORT_443_TCP REDIS_PORT REDIS_PORT_6379_TCP REDIS_SERVICE_HOST REDIS_HOST
  REDIS_PASSWORD REDIS_USERNAME REDIS_DB REDIS_TLS_URL EMULATOR_PORT EMULATOR_HOST EMULATOR_PORT_4010_TCP
  EMULATOR_SERVICE_HOST POD_NAME POD_IP POD_NAMESPACE POD_UID NAMESPACE SERVICE_ACCOUNT CLUSTER_NAME
  CI CI_PROJECT_ID CI_SERVER_HOST CI_COMMIT_SHA GITHUB_ACTIONS GITHUB_REF GITHUB_TOKEN RUNNER_OS BUILD_ID JOB_NAME
  JENKINS_URL GITLAB_CI PROJECT_ID PROJECT_NAME DOMAIN_NAME SECURITY_TOKEN REGION ENDPOINT API_ENDPOINT API_URL
  AWS_REGION AWS_DEFAULT_REGION AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_ROLE_ARN OCI_REGION
  GOOGLE_APPLICATION_CREDENTIALS AZURE_CLIENT_ID ALI_REGION HW_ACCESS_KEY HW_SECRET_KEY HW_REGION_NAME OS_USERNAME
  OS_PASSWORD OS_DOMAIN_NAME OS_PROJECT_ID OS_AUTH_URL OIDC_CLIENT_ID OIDC_CLIENT_SECRET OIDC_REDIRECT_URI IAM_ROLE
  OBS_ENDPOINT VITE_OIDC_ISSUER NEXT_PUBLIC_OIDC_ISSUER MY_LOG_LEVEL RUST_LOG LOG_FORMAT LOG_FILE DEBUG VERBOSE
  DATABASE_URL DATABASE_HOST DATA DB_PASSWORD DB_USERNAME PGDATA PGHOST PGPORT XDG_DATA_DIRS XDG_DATA_HOME
  XDG_CONFIG_HOME XDG_RUNTIME_DIR XDG_SESSION_ID DBUS_SESSION_BUS_ADDRESS SSH_AUTH_SOCK SSH_CLIENT GPG_TTY SUDO_USER
  OTEL_EXPORTER_OTLP_ENDPOINT OTEL_SERVICE_NAME OTEL_RESOURCE_ATTRIBUTES PROMETHEUS_URL GRAFANA_URL SENTRY_DSN
  ADMIN_USER ADMIN_PASSWORD ADMIN_EMAIL ADMIN_URL ADMIN_ROOT ADMIN_PATH ALLOWED_ORIGINS CORS_ORIGIN_HOST TRUST_STORE
  VIRTUAL_ENV PYTHONPATH JAVA_HOME GOPATH CARGO_HOME DOCKER_HOST DOCKER_CONFIG COMPOSE_PROJECT_NAME INVOCATION_ID
  JOURNAL_STREAM LISTEN_FDS LISTEN_PID NOTIFY_SOCKET STATE_DIRECTORY CREDENTIALS_DIRECTORY RUNTIME_DIRECTORY
  EXPLORER_HOME METRIC_PREFIX WEB_CONCURRENCY WORKER_CONNECTIONS TIMEOUT_MS REQUEST_TIMEOUT_MS
`.match(/\S+/g);

const OWN_NAMES = [...Object.keys(envSchema.shape), ...SECRET_KEYS.map(name => `${name}_FILE`)];

function suggestionsFor(...names: string[]) {
  return findMisspeltVariables(Object.fromEntries(names.map(name => [name, 'canary-value'])));
}

describe('an environment variable', () => {
  it.each([
    ['DLI_REGOIN', 'DLI_REGION'],
    ['DLI_REGIONS', 'DLI_REGION'],
    ['DLI-REGION', 'DLI_REGION'],
    ['dli_region', 'DLI_REGION'],
    ['DLIREGION', 'DLI_REGION'],
    ['DLI_REGION_ID', 'DLI_REGION'],
    ['CALLERAUTH', 'CALLER_AUTH'],
    ['CALLER_AUHT', 'CALLER_AUTH'],
    ['ADMIN_PROT', 'ADMIN_PORT'],
    ['REDIS_URI', 'REDIS_URL'],
    ['REDIS_URL_FIEL', 'REDIS_URL_FILE'],
    ['LOGLEVEL', 'LOG_LEVEL'],
    ['DATADIR', 'DATA_DIR'],
    ['ALLOWED_HOST', 'ALLOWED_HOSTS'],
    ['CORS_ORIGIN', 'CORS_ORIGINS'],
    ['TURST_PROXY', 'TRUST_PROXY'],
    ['OIDC_ISSUER_URL', 'OIDC_ISSUER'],
    ['OIDC_ISSUER_FILE', 'OIDC_ISSUER'],
    ['OIDC_JWKS_URL', 'OIDC_JWKS_URI'],
    ['OPERATION_TIMEOUT', undefined],
    ['OPERATION_TIMEOUT_S', 'OPERATION_TIMEOUT_MS'],
    ['OPERATIONTIMEOUTMS', 'OPERATION_TIMEOUT_MS'],
    ['RATELIMITCREATESPERSECOND', 'RATE_LIMIT_CREATES_PER_SECOND'],
    ['IAM_ENDPOINT', 'HUAWEICLOUD_SDK_IAM_ENDPOINT'],
    ['CLOUD_SDK_AK', 'HUAWEICLOUD_SDK_AK'],
    ['HAUWEICLUOD_SDK_AK', 'HUAWEICLOUD_SDK_AK'],
    ['HUAWEICLOUD_SDK_SECURITYTOKEN', 'HUAWEICLOUD_SDK_SECURITY_TOKEN'],
    ['HUAWEICLOUD_SDK_SK_FILES', 'HUAWEICLOUD_SDK_SK_FILE'],
  ])('with a name close to one of the gateway is found: %s (%s)', (name, suggestion) => {
    expect(suggestionsFor(name)).toEqual(suggestion === undefined ? [] : [{ variable: name, suggestion }]);
  });

  it('of the gateway does not count as misspelt', () => {
    expect(suggestionsFor(...OWN_NAMES)).toEqual([]);
  });

  it('of other software does not count as misspelt', () => {
    expect(suggestionsFor(...(ORDINARY_NAMES ?? []))).toEqual([]);
    for (const name of ORDINARY_NAMES ?? []) expect(suggestionsFor(name)).toEqual([]);
  });

  it('does not count as misspelt if it is empty or extends the name of one that is set', () => {
    expect(findMisspeltVariables({ DLI_REGOIN: '', CALLER_AUHT: undefined })).toEqual([]);
    expect(suggestionsFor('OIDC_ISSUER', 'OIDC_ISSUER_URL')).toEqual([]);
    expect(suggestionsFor('DATA_DIR', 'DATA_DIRR')).toEqual([{ variable: 'DATA_DIRR', suggestion: 'DATA_DIR' }]);
  });

  it('is reported only if its name is printable, and at most 20 are', () => {
    expect(suggestionsFor('DLI_REGION\n', 'DLI_REGI\u001bN', `OIDC_ISSUER_${'X'.repeat(100)}`)).toEqual([]);
    const many = Array.from({ length: 30 }, (_, index) => `OIDC_ISSUER_${index}`);
    expect(suggestionsFor(...many)).toHaveLength(20);
  });

  it('is reported with the right name', () => {
    expect(suggestionsFor('DLI_REGOIN').map(describeMisspelling)).toEqual([
      'DLI_REGOIN is not a variable of the gateway; did you mean DLI_REGION?',
    ]);
  });
});
