import { must } from "./images.ts";

const FLAGS = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=x".split(" ");

/** Makes a certificate that signs itself, and its key. `name`: as OpenSSL writes it, `DNS:api.example.net` or `IP:10.0.0.1`. */
export async function selfSigned(cert: string, key: string, name: string): Promise<void> {
  const files = ["-addext", `subjectAltName=${name}`, "-keyout", key, "-out", cert];
  await must(["openssl", "req", "-x509", ...FLAGS, ...files]);
}
