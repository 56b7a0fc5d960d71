/// Flags about what a container may use: Docs/spec/runtime.md §11.
extension Table {
    static var limitFlags: [Flag] {
        [
            Flag(
                .applyCgroups, help: "limit the container as this TOML file says (root, or with delegated cgroups)",
                environment: "APPLY_CGROUPS", completes: .files),
            Flag(
                .memory, help: "memory that the container may use, e.g. 512m; b, k, m and g are units",
                environment: "MEMORY"),
            Flag(
                .memoryReservation, help: "memory that the container keeps when others want it",
                environment: "MEMORY_RESERVATION"),
            Flag(
                .memorySwap, help: "memory and swap together that the container may use, -1 for any amount of swap",
                environment: "MEMORY_SWAP"),
            Flag(
                .oomKillDisable, help: "let programs wait for memory at the limit instead of killing them",
                environment: "OOM_KILL_DISABLE"),
            Flag(.cpus, help: "processors that the container may use, e.g. 1.5", environment: "CPUS"),
            Flag(
                .cpuShares, help: "share of the processors in relation to others, 2 to 262144 (others have 1024)",
                environment: "CPU_SHARES", defaultText: "-1"),
            Flag(.cpusetCpus, help: "the processors to run on, e.g. 0-2,4", environment: "CPUSET_CPUS"),
            Flag(.cpusetMems, help: "the memory nodes to use, e.g. 0", environment: "CPUSET_MEMS"),
            Flag(
                .pidsLimit, help: "processes that the container may have, -1 for any number", environment: "PIDS_LIMIT"),
            Flag(
                .blkioWeight, help: "share of input and output in relation to others, 10 to 1000",
                environment: "BLKIO_WEIGHT"),
            Flag(
                .blkioWeightDevice, help: "the same for one block device: device:weight",
                environment: "BLKIO_WEIGHT_DEVICE"),
        ]
    }
}
