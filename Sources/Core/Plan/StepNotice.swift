import Linux

/// Several processes of one step of a Slurm job that are told nothing of each other: an MPI program among them runs as often
/// as there are processes, each time alone, and no error says so. srun(1), "--mpi".
struct StepNotice {
    private let count: Int

    /// - Returns: nil where there is nothing to tell; of the processes of a step, only the first one tells.
    init?(_ environment: [[UInt8]]) {
        func value(_ name: String) -> String? {
            let start = name.bytes + [ASCII.equals]
            return environment.first { $0.starts(with: start) }.map { String(bytes: $0.dropFirst(start.count)) }
        }
        guard let count = value("SLURM_STEP_NUM_TASKS").flatMap({ Int($0) }), count > 1, value("SLURM_PROCID") == "0"
        else { return nil }
        // What PMI-1 and PMI-2, PMIx, and Open MPI's own launcher give.
        for name in ["PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK"] where value(name) != nil { return nil }
        self.count = count
    }

    /// One line.
    var text: String {
        "\(count) processes of this step know nothing of each other: an MPI program would run \(count) times, each alone. "
            + "srun --mpi=pmix (or pmi2) joins them"
    }
}
