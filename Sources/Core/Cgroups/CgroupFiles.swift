import Base
import CLinux
import Linux

// What is written into the files of a cgroup, and read back.

extension CgroupSetting {
    /// - Throws: where the kernel does not take it.
    func write(to directory: String) throws(SkiffError) {
        guard let content = contents.first(where: { isAccessible(directory + "/" + $0.file, F_OK) }) else {
            throw CgroupAdvice.refusal(
                limit, "the kernel has no \(contents[0].file)",
                hint: "Its configuration, or the scheduler of the device, lacks it")
        }
        let path = directory + "/" + content.file
        do throws(Errno) {
            try writeControl(path, content.value)
        } catch {
            throw CgroupAdvice.refusal(limit, "\(path) does not take \(content.value)", errno: error)
        }
        let found = text(path)
        guard content.isAnswered(by: found) else {
            throw CgroupAdvice.refusal(
                limit, "\(path) holds \(found.split(separator: "\n").joined(separator: "; ")) afterwards")
        }
    }
}

extension DeviceRule {
    /// Writes rules to a cgroup of version 1, in the place of those that it has.
    /// - Parameter first: the limit that messages name.
    static func write(_ rules: [DeviceRule], _ first: CgroupLimit, to directory: String) throws(SkiffError) {
        if let rule = conflict(in: rules) {
            throw CgroupAdvice.refusal(
                rule.limit(first.cause), "cgroups of version 1 cannot take a part out of an earlier rule",
                hint: "Put narrow rules for what is wanted in the place of a wide one with exceptions")
        }
        var lines = [(file: "devices.deny", line: "a")]
        lines += rules.map { ($0.allows ? "devices.allow" : "devices.deny", $0.line) }
        for (file, line) in lines {
            do throws(Errno) {
                try writeControl(directory + "/" + file, line)
            } catch {
                throw CgroupAdvice.refusal(first, "\(directory)/\(file) does not take \(line)", errno: error)
            }
        }
        let found = text(directory + "/devices.list").split(separator: "\n").map(String.init)
        let isOpen = rules.last { $0.kind == .all }?.allows ?? false
        guard found.contains("a *:* rwm") == isOpen else {
            throw CgroupAdvice.refusal(first, "\(directory)/devices.list tells otherwise")
        }
    }

    /// Attaches rules to a cgroup of version 2, as a program.
    static func attach(_ rules: [DeviceRule], _ first: CgroupLimit, to directory: String) throws(SkiffError) {
        do throws(Errno) {
            let opened = try Linux.open(directory, O_RDONLY | O_DIRECTORY)
            try attachDeviceFilter(program(rules), to: opened.raw)
        } catch {
            throw CgroupAdvice.refusal(first, "the kernel does not take a program about devices", errno: error)
        }
    }
}

private func text(_ path: String) -> String { String(bytes: (try? readFile(path, limit: 1 << 16)) ?? []) }
