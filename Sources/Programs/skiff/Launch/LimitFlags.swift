import Base
import Core
import Grammar
import Linux

/// Turns the flags about what a container may use into limits (Docs/spec/runtime.md §11); errors are Apptainer's.
struct LimitFlags {
    let invocation: Invocation
    let installation: Installation

    /// In microseconds: Linux's default.
    private static let period: Int64 = 100_000

    /// - Throws: for a value that is none; nothing is started with it.
    func limits() throws(SkiffError) -> [CgroupLimit] {
        let given = try processors() + memory() + devices() + processes()
        guard let file = invocation[.applyCgroups] else { return given }
        if !given.isEmpty || invocation[.oomKillDisable] {
            throw SkiffError("cannot apply a cgroups TOML file while using limit flags")
        }
        return try limits(of: file)
    }

    /// TOML has no place in the launch path.
    private func limits(of file: String) throws(SkiffError) -> [CgroupLimit] {
        let answer = try HelperAnswer(installation: installation).bytes(["__limits", file], limit: 1 << 20)
        guard let limits = [CgroupLimit](encoded: answer) else {
            throw SkiffError("cannot read \(file): skiff-image gave no answer")
        }
        return limits
    }

    private func processors() throws(SkiffError) -> [CgroupLimit] {
        var limits: [CgroupLimit] = []
        if let text = invocation[.cpus], !text.isEmpty {
            guard let hundredths = LimitText.decimal(text, scale: Self.period) else {
                throw SkiffError("invalid cpus value: can't convert \(text) to decimal")
            }
            let most = Int64(allowedCPUs())
            guard (Self.period / 100...most * Self.period).contains(hundredths) else {
                throw SkiffError("cpus value must be in range 0.01 - \(most)")
            }
            limits.append(CgroupLimit(.period, Self.period, by: "--cpus \(text)"))
            limits.append(CgroupLimit(.quota, hundredths, by: "--cpus \(text)"))
        }
        // -1 is the default.
        if let shares = invocation[.cpuShares], shares != -1 {
            guard (2...262_144).contains(shares) else {
                throw SkiffError("cpu-shares value must be in range 2 - 262144")
            }
            limits.append(CgroupLimit(.shares, Int64(shares), by: "--cpu-shares"))
        }
        for (given, flag, name) in [
            (invocation[.cpusetCpus], "cpuset-cpus", CgroupLimit.Name.cpus),
            (invocation[.cpusetMems], "cpuset-mems", .mems),
        ] {
            guard let text = given, !text.isEmpty else { continue }
            guard CgroupLimit.isNumberSet(text) else {
                throw SkiffError("invalid \(flag) value: '\(text)' is no list such as 0-2,4")
            }
            limits.append(CgroupLimit(name, "", text, .init(reason: "--\(flag)", origin: "core")))
        }
        return limits
    }

    private func memory() throws(SkiffError) -> [CgroupLimit] {
        var limits: [CgroupLimit] = []
        for (given, flag, name) in [
            (invocation[.memory], "memory", CgroupLimit.Name.memory),
            (invocation[.memoryReservation], "memory-reservation", .reservation),
            (invocation[.memorySwap], "memory-swap", .swap),
        ] {
            guard let text = given, !text.isEmpty else { continue }
            let bytes = name == .swap && text == "-1" ? -1 : LimitText.bytes(text)
            guard let bytes, bytes != 0 else {
                throw SkiffError("invalid \(flag) value: invalid size: '\(text)'")
            }
            limits.append(CgroupLimit(name, bytes, by: "--\(flag) \(text)"))
        }
        if invocation[.oomKillDisable] { limits.append(CgroupLimit(.withoutKiller, 1, by: "--oom-kill-disable")) }
        return limits
    }

    private func devices() throws(SkiffError) -> [CgroupLimit] {
        var limits: [CgroupLimit] = []
        // 0 is the default.
        if let weight = invocation[.blkioWeight], weight != 0 {
            guard (10...1000).contains(weight) else { throw SkiffError("blkio-weight must be in range 10-1000") }
            limits.append(CgroupLimit(.ioWeight, Int64(weight), by: "--blkio-weight"))
        }
        for text in invocation[.blkioWeightDevice] {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else {
                throw SkiffError("blkio-weight-device specifications must be in <device>:<weight> format")
            }
            guard let weight = Int64(parts[1]), (10...1000).contains(weight) else {
                throw SkiffError("blkio-device-weight must be in range 10-1000")
            }
            let found = try during("while examining device") { () throws(Errno) in try status(parts[0]) }
            guard found.isBlockDevice else {
                throw SkiffError("cannot weigh the input and output of \(parts[0]): it is no block device")
            }
            let subject = "\(majorNumber(of: found.rawDevice)):\(minorNumber(of: found.rawDevice))"
            limits.append(CgroupLimit(.deviceWeight, weight, of: subject, by: "--blkio-weight-device \(text)"))
        }
        return limits
    }

    private func processes() throws(SkiffError) -> [CgroupLimit] {
        guard let most = invocation[.pidsLimit], most != 0 else { return [] }
        guard most >= -1 else { throw SkiffError("invalid pids-limit: \(most)") }
        return [CgroupLimit(.processes, Int64(most), by: "--pids-limit")]
    }
}
