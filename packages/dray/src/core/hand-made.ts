/** What an image, or a container made of it, says of a program: the engine's `Config`. */
export interface ProgramSaid {
  Image?: string;
  Env?: string[] | null;
  Entrypoint?: string[] | null;
  Cmd?: string[] | null;
  User?: string;
  StopSignal?: string;
  ExposedPorts?: Record<string, object> | null;
}

/** A container that somebody started by hand, in the engine's words, with what its image says by itself. */
export interface HandMade {
  Name: string;
  Config: ProgramSaid;
  HostConfig: {
    Memory?: number;
    NanoCpus?: number;
    ShmSize?: number;
    PidsLimit?: number | null;
    ReadonlyRootfs?: boolean;
    Init?: boolean | null;
    Runtime?: string;
    Privileged?: boolean;
    NetworkMode?: string;
    CapAdd?: string[] | null;
    Devices?: object[] | null;
    ExtraHosts?: string[] | null;
    Ulimits?: { Name: string; Soft: number }[] | null;
    DeviceRequests?: { Count: number; DeviceIDs?: string[] | null }[] | null;
    PortBindings?: Record<string, { HostIp: string; HostPort: string }[] | null> | null;
  };
  Mounts?: { Type: string; Name?: string; Source: string; Destination: string; RW: boolean }[] | null;
  image: ProgramSaid;
  /** A registry has the image: it was pulled from there, or pushed. */
  inRegistry: boolean;
}
