/** A package of npm's, of one version and content. */
export interface LockedPackage {
  name: string;
  version: string;
  integrity: string;
}

/** onnxruntime, as package-lock.json has it; a test holds the two together. */
export const ONNXRUNTIME: LockedPackage = {
  name: "onnxruntime-node",
  version: "1.30.0",
  integrity: "sha512-twhs1C2C/BFkz1yc5OY0KIU2GUq6DURO7hD4bx5Q2Qy3nAMJwRXW8xU3NVczE29VA9lolLOYepoD8fjTGOfIqw==",
};

/** The part of it that is the same for browsers. */
export const COMMON: LockedPackage = {
  name: "onnxruntime-common",
  version: "1.30.0",
  integrity: "sha512-7fdVWjAID1dVhH/G8qK3APARunV4VkBFoCQAP7qp4Wkab0mrorvmc+sqiT+mKXOzDqdjN5j+/Z9nb4gzNPWcyA==",
};
