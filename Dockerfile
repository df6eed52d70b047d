# Ostiary from source: Node strips the types, so there is nothing to build.
#
#   docker build -t ostiary .
#   docker run -p 443:443 -v ./ostiary.yaml:/etc/ostiary/config.yaml:ro ostiary
FROM node:26-slim

ENV NODE_ENV=production \
    HEALTH_CHECK_ADDR=127.0.0.1:28080

WORKDIR /app

# The image has the Node that the package would bring along as an optional dependency.
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund && npm cache clean --force

COPY ostiary.js LICENSE ./
COPY policies ./policies
COPY src ./src

# Owned by root and not writable by whom it runs as.
USER node

EXPOSE 443 80

HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://${process.env.HEALTH_CHECK_ADDR}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]

STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/app/ostiary.js"]
CMD ["serve", "--config", "/etc/ostiary/config.yaml"]
