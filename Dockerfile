# A node of Parley: the compiled program and its dependencies, run by a user without rights.
#
# Debian slim and not Alpine: lmdb and msgpackr bring prebuilt binaries for both, but those for glibc are the ones that every test runs
# on, and the two images differ by some 40 MB that are shared between all containers of a machine.
ARG NODE_VERSION=20.20.2

FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /parley
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN node scripts/build.mjs --app

FROM node:${NODE_VERSION}-bookworm-slim AS dependencies
WORKDIR /parley
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM node:${NODE_VERSION}-bookworm-slim
# The image's own npm and yarn are not needed to run, and what is not there cannot be attacked.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn* \
  /usr/local/bin/yarn /usr/local/bin/yarnpkg && mkdir /data && chown node:node /data
WORKDIR /parley
COPY --from=dependencies /parley/node_modules node_modules
COPY --from=build /parley/package.json package.json
COPY --from=build /parley/dist dist
ENV NODE_ENV=production PARLEY_GATEWAY_HOST=0.0.0.0 PARLEY_NODE_DATA_DIR=/data
VOLUME /data
EXPOSE 7400
USER node
# The node then refuses new sockets, sends its clients elsewhere and flushes what it has accepted.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["node", "-e", \
  "fetch(`http://127.0.0.1:${process.env.PARLEY_GATEWAY_PORT || 7400}/readyz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/parley/dist/cli/main.js"]
CMD ["serve"]
