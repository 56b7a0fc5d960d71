import Base
import Core
import Grammar
import ImageCache
import Linux
import Registry

/// `cache list` and `cache clean` (Docs/spec/cli.md §7). Scripts read the lines.
struct CacheCommand {
    private let invocation: Invocation

    init(_ invocation: Invocation) { self.invocation = invocation }

    func run() throws(SkiffError) {
        guard let cache = try CacheDirectory.ofUser(disabled: false) else {
            throw SkiffError("cannot open the cache", hint: "Set APPTAINER_CACHEDIR to a directory of yours")
        }
        if invocation.command == "cache list" { try list(cache) } else { try clean(cache) }
    }

    /// The order of Apptainer's list. Unknown names select nothing.
    private static let order: [CacheDirectory.Kind] = [.blob, .library, .ociImages, .shub, .oras, .net, .ipfs]

    private var kinds: [CacheDirectory.Kind] {
        let words = invocation[.type]
        if words.isEmpty || words.contains("all") { return Self.order }
        return Self.order.filter { words.contains($0.rawValue) }
    }

    /// Returns the kept results of build steps and mounts of Dockerfiles, which Apptainer does not have, or nil when
    /// they are not selected.
    private func steps(_ cache: CacheDirectory) -> StepStore? {
        let words = invocation[.type]
        guard words.isEmpty || words.contains("all") || words.contains("build") else { return nil }
        return StepStore(path: cache.root + "/build", quota: .max, removing: { try? MappedNamespace.remove($0) })
    }

    private func list(_ cache: CacheDirectory) throws(SkiffError) {
        var text = ""
        if invocation[.verbose] { text += Self.row("NAME", "DATE CREATED", "SIZE", "TYPE") }
        var (images, blobs) = ((count: 0, bytes: Int64(0)), (count: 0, bytes: Int64(0)))
        for kind in kinds {
            for file in cache.files(kind) {
                let total: (inout (count: Int, bytes: Int64)) -> Void = { sum in
                    sum.count += 1
                    sum.bytes += file.status.size
                }
                if kind == .blob { total(&blobs) } else { total(&images) }
                guard invocation[.verbose] else { continue }
                let name = String(file.name.prefix(22))
                text += Self.row(name, localTimeText(file.status.modified), Self.size(file.status.size), kind.rawValue)
            }
        }
        let store = steps(cache)
        let (steps, mounts) = (store?.all() ?? [], store?.mounts() ?? [])
        let stepBytes = steps.reduce(Int64(0)) { $0.addingReportingOverflow($1.record.size).partialValue }
        let mountBytes = mounts.reduce(Int64(0)) { $0.addingReportingOverflow($1.size).partialValue }
        if invocation[.verbose] {
            for step in steps {
                text += Self.row(
                    String(step.key.prefix(22)), localTimeText(step.record.time), Self.size(step.record.size), "build")
            }
            for mount in mounts {
                text += Self.row(
                    String(mount.key.prefix(22)), localTimeText(mount.used), Self.size(mount.size), "build mount")
            }
            text += "\n"
        }
        // Scripts read the first line; the second appears only when it is not empty.
        text += "There are"
        let (showsImages, showsBlobs) = (kinds.contains { $0 != .blob }, kinds.contains(.blob))
        if showsImages { text += " \(images.count) container file(s) using \(Self.size(images.bytes))" }
        if showsImages, showsBlobs { text += " and" }
        if showsBlobs { text += " \(blobs.count) oci blob file(s) using \(Self.size(blobs.bytes))" }
        text += " of space\n"
        if !steps.isEmpty { text += "There are \(steps.count) build step(s) using \(Self.size(stepBytes)) of space\n" }
        if !mounts.isEmpty {
            text += "There are \(mounts.count) build mount(s) using \(Self.size(mountBytes)) of space\n"
        }
        text += "Total space used: \(Self.size(images.bytes + blobs.bytes + stepBytes + mountBytes))\n"
        try during("cannot write the list") { () throws(Errno) in try writeAnswer(text) }
    }

    private static func size(_ bytes: Int64) -> String { byteText(bytes, .hundredths) }

    private static func row(_ name: String, _ date: String, _ size: String, _ kind: String) -> String {
        func padded(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
        }
        return "\(padded(name, 24)) \(padded(date, 22)) \(padded(size, 16)) \(kind)\n"
    }

    private func clean(_ cache: CacheDirectory) throws(SkiffError) {
        let isDry = invocation[.dryRun]
        if !isDry, !invocation[.force] {
            let question =
                "This will delete everything in your cache (containers from all sources and OCI blobs).\n"
                + "Hint: You can see exactly what would be deleted by canceling and using the --dry-run option.\n"
                + "Do you want to continue? [y/N] "
            guard LoginPrompt.confirms(question) else { return Log.info("Cache cleanup canceled") }
        }
        if isDry { try? writeAnswer("User requested a dry run. Not actually deleting any data!\n") }
        let youngest = invocation[.days].map { currentTime() - Int64($0) * 86400 }
        for kind in kinds {
            let files = cache.files(kind)
            if files.isEmpty { Log.info("No cached files to remove at \(cache.path(kind))") }
            for file in files {
                if let youngest, file.status.modified > youngest { continue }
                Log.info("Removing \(kind.rawValue) cache entry: \(file.name)")
                if isDry { continue }
                do throws(Errno) {
                    try unlink(file.path)
                } catch {
                    throw SkiffError("cannot remove \(file.path)", errno: error)
                }
            }
        }
        cleanSteps(cache, isDry: isDry, youngest: youngest)
        if !isDry, invocation[.days] == nil { sweep(cache) }
    }

    /// Removes kept results, except those in use by a build.
    private func cleanSteps(_ cache: CacheDirectory, isDry: Bool, youngest: Int64?) {
        guard let store = steps(cache) else { return }
        for step in store.all() {
            if let youngest, step.used > youngest { continue }
            Log.info("Removing build cache entry: \(step.key)")
            if !isDry, !store.remove(step.key) { Log.warning("\(step.key) is in use, and stays") }
        }
        for mount in store.mounts() {
            if let youngest, mount.used > youngest { continue }
            Log.info("Removing build mount: \(mount.name)")
            if !isDry, !store.removeMount(mount.key) { Log.warning("\(mount.name) is in use, and stays") }
        }
        if !isDry { store.tidy() }
    }

    /// Removes unfinished downloads and entries, and the table of names.
    private func sweep(_ cache: CacheDirectory) {
        for folder in ["partial", "blob/partial", "names"] { try? removeTree(cache.root + "/" + folder) }
        for kind in kinds {
            guard let opened = try? open(cache.path(kind), 0x10000), let names = try? Linux.entries(of: opened.raw)
            else { continue }
            for name in names where name.text.hasPrefix("tmp_") { try? removeTree(name.text, at: opened.raw) }
        }
    }
}
