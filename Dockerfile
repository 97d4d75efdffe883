# The build and the production dependencies have stages of their own, so the image holds neither compilers nor tests.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build:gateway

FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM node:24-bookworm-slim
WORKDIR /app
# Node 24 lets V8's young generation grow to twice that, which takes 90 MiB more and saves no time.
ENV NODE_ENV=production \
    NODE_OPTIONS=--max-semi-space-size=16 \
    HOST=0.0.0.0 \
    ADMIN_HOST=0.0.0.0 \
    SHUTDOWN_DELAY_MS=10000 \
    DATA_DIR=/data
RUN install -d -o node -g node -m 0700 /data
VOLUME /data
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json scripts/healthcheck.sh ./
# After the copies, so that another commit does not change their layers.
ARG BUILD_COMMIT=unknown
ENV BUILD_COMMIT=$BUILD_COMMIT
USER node
EXPOSE 4000 4001
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
  CMD ["bash", "healthcheck.sh"]
CMD ["node", "dist/main.js"]
