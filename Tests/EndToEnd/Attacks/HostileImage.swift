import CLinux
import Foundation
import Linux

/// An image that no kernel made, next to a file of the host that it tries to reach.
struct HostileImage {
    let folder: String
    let profile: Profile

    /// A file of the profile's user that an attack tries to change. Nine bytes lead to it from a directory next to it.
    var victim: String { folder + "/victim" }
    var file: String { folder + "/image" }

    init(_ profile: Profile) throws {
        self.profile = profile
        folder = try WorkDirectory.make(for: profile)
        try writeFile(victim, Array("before".utf8), mode: 0o644)
        if effectiveUID() == 0, let record = profile.record { try chown(victim, record.uid, record.gid) }
    }

    func remove() { try? removeTree(folder) }

    /// Returns the small Linux with more files.
    func tree(_ change: (String) throws -> Void) throws -> String {
        let tree = folder + "/tree"
        try FileManager.default.copyItem(atPath: try Images.shared.get().directory, toPath: tree)
        try change(tree)
        return tree
    }

    /// Makes an ext3 image whose directories have no index, so that their entries can be patched.
    func makeExt3(_ tree: String, _ commands: [String] = []) throws {
        let make = """
            truncate -s 32M \(file) && /sbin/mke2fs -q -F -t ext3 -b 1024 -O ^dir_index -d \(tree) \(file) && \
            printf '%s\\n' "$@" >\(folder)/script && /sbin/debugfs -w -f \(folder)/script \(file)
            """
        try run(["/bin/sh", "-c", make, "sh"] + commands)
    }

    /// Makes a squashfs image whose tables are not compressed, for the same reason.
    func makeSquashfs(_ tree: String) throws {
        let options = ["-noappend", "-no-progress", "-quiet", "-all-root", "-noI", "-noD", "-noF", "-noX"]
        try run(["/usr/bin/mksquashfs", tree, file] + options)
    }

    /// Overwrites every occurrence of these bytes in the image: names that no kernel would make.
    func replace(_ old: String, with new: String) throws {
        var bytes = Data(try readFile(file))
        let (from, to) = (Data(old.utf8), Data(new.utf8))
        guard from.count == to.count, bytes.range(of: from) != nil else { throw HarnessError("cannot patch \(old)") }
        while let place = bytes.range(of: from) { bytes.replaceSubrange(place, with: to) }
        try writeFile(file, Array(bytes), mode: 0o644)
    }

    /// Returns the image as the partition of a SIF.
    func makeSIF(type: Int) throws -> String {
        let sif = folder + "/image.sif"
        let words = [
            "sif", "add", "--datatype", "4", "--partfs", String(type), "--parttype", "2", "--partarch", "2", sif, file,
        ]
        for words in [["sif", "new", sif], words] {
            let outcome = try skiffCommand(words, as: .current).run()
            guard outcome.isSuccess else { throw HarnessError("cannot make a SIF: \(outcome)") }
        }
        try Linux.chmod(sif, 0o644)
        return sif
    }

    private func run(_ words: [String]) throws {
        let outcome = try Command(words, as: .current).run()
        guard outcome.isSuccess else { throw HarnessError("cannot make a hostile image: \(outcome)") }
        try? Linux.chmod(file, 0o644)
    }
}
