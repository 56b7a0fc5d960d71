import Base
import Linux

/// A container that processes of one job have in common.
///
/// An ordinary user's containers lie in sibling user namespaces, and no process of one may read the memory of a process
/// of another, as MPI libraries do to copy large messages, with process_vm_readv(2). So the processes that one parent
/// or one job step starts for the same container share it: the first makes it, the others enter (Docs/decisions/018).
package struct Sharing: Sendable, Equatable {
    /// Tells the container from others of the same user: equal for equal siblings and equal containers.
    package var name: String
    /// Whether `--sharens` asked for it; otherwise a job's step was recognized, and a container of its own will do as
    /// well.
    package var isAsked: Bool
}

/// What makes processes siblings.
package enum Siblings: Sendable, Equatable {
    /// Of one step of a job, as its launcher names it.
    case step([UInt8])
    /// Started by one process, which has this number and began at this time (clock ticks since boot).
    case parent(Int32, UInt64)

    /// Returns the siblings that the launcher of a job tells its processes of. Slurm numbers its steps; PMIx has a name
    /// for what was started together; others tell a process only its rank, and start all processes of a host
    /// themselves.
    static func ofStep(_ environment: [[UInt8]], parent: @autoclosure () -> Siblings?) -> Siblings? {
        func value(_ name: String) -> ArraySlice<UInt8>? {
            let start = name.bytes + [ASCII.equals]
            return environment.first { $0.starts(with: start) }?.dropFirst(start.count)
        }
        if let name = value("PMIX_NAMESPACE"), value("PMIX_RANK") != nil { return .step("pmix ".bytes + name) }
        if let job = value("SLURM_JOB_ID"), let step = value("SLURM_STEP_ID"), value("SLURM_PROCID") != nil {
            return .step("slurm ".bytes + job + [ASCII.dot] + step)
        }
        let ranks = ["PMI_RANK", "OMPI_COMM_WORLD_RANK", "FLUX_TASK_RANK", "PALS_RANKID"]
        return ranks.contains { value($0) != nil } ? parent() : nil
    }

    /// The siblings that this process has by its parent; nil when the parent has ended already.
    static var ofThisProcess: Siblings? {
        let parent = parentProcessID()
        return startTime(of: parent).map { .parent(parent, $0) }
    }

    var bytes: [UInt8] {
        switch self {
        case .step(let name): name
        case .parent(let pid, let time): Array("parent \(pid) \(time)".utf8)
        }
    }
}

extension Plan {
    /// Returns the sharing of this plan's container by processes with these siblings; nil for a container of its own.
    func sharing(among siblings: Siblings?, isAsked: Bool) -> Sharing? {
        guard let siblings, isAsked || isSharedUnseen else { return nil }
        return Sharing(name: MeetingAddress.name(siblings.bytes + [0] + containerText.utf8), isAsked: isAsked)
    }

    /// Whether nobody could tell from inside that the container is shared, except by what sharing is for.
    private var isSharedUnseen: Bool {
        guard case .new = user, outerUser == nil, root == nil, namespaces == [.mount], !image.writable else {
            return false
        }
        return layers.allSatisfy { !$0.isWritable } && !mounts.contains { $0.isOwnMemory }
    }

    /// The parts that are made once, as text: a process that wants other parts makes a container of its own.
    private var containerText: String { containerJSON.text() }
}

extension Mount {
    /// A file system in memory that belongs to one container, such as the /tmp of `--contain`.
    fileprivate var isOwnMemory: Bool {
        switch source {
        case .session: true
        case .filesystem(let name, _): name == "tmpfs" || name == "ramfs"
        default: false
        }
    }
}
