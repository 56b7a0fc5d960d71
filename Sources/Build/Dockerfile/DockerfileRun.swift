import Base
import CLinux
import Core
import Dockerfile
import ImageCache
import Linux
import Packing

/// RUN: starts a command in the image, with the variables, user and directory that the Dockerfile gave and nothing else.
struct DockerfileRun {
    let step: RunStep
    let place: DockerfilePlace
    let recipe: DockerfileRecipe
    let request: BootstrapRequest
    let root: RootTree
    /// For each mount, where the tree of its `from` lies; empty for the build context.
    let sources: [String]
    /// Where caches are kept for later builds; nil when they are not.
    let store: StepStore?

    private static let scriptPath = "/.dockerfile.script"

    func run(as user: ImageUsers.User?) throws(SkiffError) {
        var stubs = MountStubs(root: root)
        defer { stubs.remove() }
        for path in ["/proc", "/sys", "/dev"] { stubs.makeDirectory(path) }
        for path in ["/etc/resolv.conf", "/etc/hosts"] { stubs.makeFile(path) }
        let kept = try keptMounts()
        defer { for mount in kept.values { mount.note(size: Self.size(of: mount.files)) } }
        let mounts = try binds(&stubs, kept)
        try makeDirectory()
        let runner = ScriptRunner(
            rootPath: root.path, definition: Definition(bootstrap: "dockerfile", from: recipe.context),
            options: request.options, installation: request.installation, temporary: request.temporary)
        var launch = runner.imageRequest(.exec, root)
        launch.arguments = try arguments().map(\.bytes)
        launch.binds += mounts
        launch.writable = true
        launch.noUmask = true
        // What a command writes into /tmp is part of the image, as with everybody who builds Dockerfiles.
        launch.noMount.append("tmp")
        launch.directory = step.directory
        launch.newNetwork = step.network == "none"
        launch.pluginFlags = request.options.pluginFlags.filter { $0.name != "writable-tmpfs" }
        launch.exactEnvironment = true
        launch.environment = environment(home: user?.home ?? "/root")
        launch.programUser = user.map { ProgramUser(uid: $0.uid, gid: $0.gid, groups: $0.groups) }
        let status = try runner.launch(launch)
        if case .script = step.program { try root.remove(Self.scriptPath) }
        guard status == .exited(0) else {
            throw .step("the command failed: \(status.text)", at: place, in: recipe.name)
        }
    }

    private func arguments() throws(SkiffError) -> [String] {
        switch step.program {
        case .arguments(let words): return words
        case .script(let text):
            try root.write(Self.scriptPath, text, mode: 0o755)
            return [Self.scriptPath]
        }
    }

    /// A base image may name a directory that it does not have.
    private func makeDirectory() throws(SkiffError) {
        do throws(Errno) {
            try ImageDirectories(root: root, owners: OwnerWriter(request)).make(
                TreePath(step.directory), uid: 0, gid: 0)
        } catch {
            throw .step("cannot make \(step.directory)", at: place, in: recipe.name, errno: error)
        }
    }

    private func environment(home: String) -> [(name: String, value: String)] {
        var result = (step.proxies + step.environment).map { entry in
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (name: String(parts.first ?? ""), value: parts.count > 1 ? String(parts[1]) : "")
        }
        if !result.contains(where: { $0.name == "HOME" }) { result.append((name: "HOME", value: home)) }
        return result
    }

    // MARK: - Mounts

    /// Returns the cache mounts that later builds find again, by the number of the mount.
    private func keptMounts() throws(SkiffError) -> [Int: KeptMount] {
        guard let store else { return [:] }
        var kept: [Int: KeptMount] = [:]
        // In one order, so that two builds cannot wait for each other.
        let caches = step.mounts.enumerated().filter { $0.element.kind == .cache }
        for (index, mount) in caches.sorted(by: { $0.element.identifier < $1.element.identifier }) {
            let isHeld = kept.keys.contains { step.mounts[$0].identifier == mount.identifier }
            let key = try StepStore.digest([
                "mount", mount.identifier, "\(request.ownsAllIDs) \(request.options.identity.text)",
            ]).prefix(40)
            kept[index] = try store.mount(
                String(key), name: mount.identifier, isAlone: mount.isExclusive && !isHeld
            ) { (path) throws(SkiffError) in
                try during("cannot make \(path)") { () throws(Errno) in
                    try prepare(lastComponent(path), in: parentPath(path) ?? "/", mount)
                }
            }
        }
        return kept
    }

    private static func size(of path: String) -> Int64 {
        guard let tree = try? open(path, O_RDONLY | O_DIRECTORY) else { return 0 }
        return TreeSize(of: tree.raw).allocated
    }

    private func binds(_ stubs: inout MountStubs, _ kept: [Int: KeptMount]) throws(SkiffError) -> [Request.Bind] {
        var binds: [Request.Bind] = []
        for (index, mount) in step.mounts.enumerated() {
            let source = if let mount = kept[index] { mount.files } else { try source(of: mount, index) }
            if (try? status(source).isDirectory) == true {
                stubs.makeDirectory(mount.target)
            } else {
                stubs.makeFile(mount.target)
            }
            binds.append(.init(source: source, destination: mount.target, readOnly: !mount.isWritable))
        }
        return binds
    }

    /// Returns the path of a mount's source on the host. What may be written to is a copy, so that a mount leaves nothing in the
    /// source.
    private func source(of mount: RunStep.Mount, _ index: Int) throws(SkiffError) -> String {
        switch mount.kind {
        case .tmpfs: return try emptyDirectory("tmpfs-\(place.line)-\(index)", mount)
        case .cache:
            // Kept for the steps of this build.
            let name = "cache-" + mount.identifier.utf8.map { String($0, radix: 16) }.joined()
            return try emptyDirectory(String(name.prefix(200)), mount)
        case .bind:
            let isContext = sources[index].isEmpty
            let tree = isContext ? recipe.context : sources[index]
            let root = try during("cannot open \(tree)") { () throws(Errno) in try TreeRoot(HostPath(tree)) }
            let files = CopyTree(root: root, ignored: isContext ? recipe.ignored : IgnoreFile())
            guard files.kind(mount.source) != nil else {
                throw .step("\(mount.source): not found, to be mounted on \(mount.target)", at: place, in: recipe.name)
            }
            if mount.isWritable || !files.ignored.rules.isEmpty { return try copy(files, mount, index, isContext) }
            do throws(Errno) {
                let found = try root.open(TreePath(mount.source), .pathOnly)
                guard let path = String(validating: try readLink(ofProcess: found.raw), as: UTF8.self) else {
                    throw Errno(EILSEQ)
                }
                return path
            } catch {
                throw .step("cannot mount \(mount.source)", at: place, in: recipe.name, errno: error)
            }
        }
    }

    private func copy(_ files: CopyTree, _ mount: RunStep.Mount, _ index: Int, _ isContext: Bool) throws(SkiffError)
        -> String
    {
        let path = "\(request.temporary)/dockerfile/mount-\(place.line)-\(index)"
        try during("cannot make \(path)") { () throws(Errno) in try makeDirectories(path, mode: 0o755) }
        var copier = ImageCopy(source: files, target: try RootTree(path), owners: OwnerWriter(request))
        copier.keepsOwners = !isContext
        do throws(ImageCopy.Failure) {
            try copier.copy(Array(mount.source.utf8), to: Array("/source".utf8))
        } catch {
            throw .step("cannot mount \(error.path.text)", at: place, in: recipe.name, errno: error.reason)
        }
        return path + "/source"
    }

    private func emptyDirectory(_ name: String, _ mount: RunStep.Mount) throws(SkiffError) -> String {
        let parent = "\(request.temporary)/dockerfile/mounts"
        let path = parent + "/" + name
        if (try? status(path).isDirectory) == true { return path }
        try during("cannot make \(path)") { () throws(Errno) in
            try makeDirectories(path, mode: 0o700)
            try prepare(name, in: parent, mount)
        }
        return path
    }

    /// Gives a directory that was just made the owner and mode of a mount.
    private func prepare(_ name: String, in parent: String, _ mount: RunStep.Mount) throws(Errno) {
        let opened = try open(HostPath(parent), [.read, .directory])
        let name = try EntryName(name)
        try OwnerWriter(request).set(mount.owner, mount.group, of: name, at: opened.raw)
        try chmod(name, mode_t(mount.kind == .tmpfs ? 0o1777 : mount.mode), at: opened.raw)
    }
}

/// Mount points that the image lacks, made while a command runs. One into which the command has put something stays.
struct MountStubs {
    let root: RootTree
    private var made: [TreePath] = []

    init(root: RootTree) { self.root = root }

    mutating func makeDirectory(_ path: String) { make(TreePath(path), isFile: false) }
    mutating func makeFile(_ path: String) { make(TreePath(path), isFile: true) }

    /// What cannot be made is missed by the mount, which says so.
    private mutating func make(_ path: TreePath, isFile: Bool) {
        let names = path.components
        var here: TreePath = "/"
        for (index, name) in names.enumerated() {
            here = here.appending(name)
            if root.top.exists(here) { continue }
            do throws(Errno) {
                let place = try root.top.place(here)
                if isFile && index == names.count - 1 {
                    try Linux.makeFile(place.name, [], mode: 0o644, at: place.directory.raw)
                } else {
                    try Linux.makeDirectory(place.name, mode: 0o755, at: place.directory.raw)
                }
            } catch {
                return
            }
            made.append(here)
        }
    }

    mutating func remove() {
        for path in made.reversed() { try? remove(path) }
        made = []
    }

    private func remove(_ path: TreePath) throws(Errno) {
        let place = try root.top.place(path)
        let found = try status(place.name, at: place.directory.raw)
        if found.isDirectory {
            try removeDirectory(place.name, at: place.directory.raw)
        } else if found.isRegular, found.size == 0 {
            try unlink(place.name, at: place.directory.raw)
        }
    }
}
