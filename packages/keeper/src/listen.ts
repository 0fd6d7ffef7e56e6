/**
 * Where the keeper listens: its address in the network that it has with the edge alone. It is in the services' networks,
 * too, to ask their replicas, and those must find nothing there. Undefined, where nobody set it: everywhere.
 */
export const LISTEN: string | undefined = process.env["DRAY_LISTEN"];
