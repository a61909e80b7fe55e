// The settings that the operator gives a producer (docs/contracts/pods.md).

function required(name) {
  const value = process.env[name];
  if (!value) {
    console.error(`${name} must be set`);
    process.exit(2);
  }
  return value;
}

/** Parses `host:port`, with IPv6 addresses in brackets. Without a host, Node listens on IPv4 and IPv6. */
function address(name, fallback) {
  const text = process.env[name] || fallback;
  const colon = text.lastIndexOf(":");
  const host = text.slice(0, colon).replace(/^\[|\]$/g, "");
  return { host: host === "::" ? undefined : host, port: Number(text.slice(colon + 1)) };
}

export const settings = {
  listen: address("LISTEN_ADDRESS", "[::]:8080"),
  admin: address("ADMIN_ADDRESS", "[::]:9090"),
  drainSeconds: Number(process.env.DRAIN_SECONDS || 25),
  podName: process.env.POD_NAME || "local",
  database: {
    host: required("DATABASE_HOST"),
    port: Number(process.env.DATABASE_PORT || 3306),
    name: process.env.DATABASE_NAME || "eventpipeline",
    user: process.env.DATABASE_USER || "eventpipeline",
    passwordFile: process.env.DATABASE_PASSWORD_FILE,
    tls: process.env.DATABASE_TLS || "preferred",
    tlsCaFile: process.env.DATABASE_TLS_CA_FILE,
  },
};
