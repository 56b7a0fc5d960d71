import CLinux
import Core
import Dockerfile
import Linux

/// The root file system of a stage, and what its instructions said beside files.
struct StageTree {
    let root: RootTree
    var config: ContainerConfig
    /// Values of ARG.
    var arguments: [String: String]
    /// What the image that it began from brought along.
    var base: BaseContent
}

/// Builds the stages that the wanted one needs, each once, and leaves that one in the order's root.
final class DockerfileBuild {
    private let recipe: DockerfileRecipe
    private let order: BootstrapOrder
    private var done: [Int: StageTree] = [:]
    private var images: [String: StageTree] = [:]
    private var plan: DockerfilePlan { recipe.plan }

    init(_ recipe: DockerfileRecipe, _ order: BootstrapOrder) {
        (self.recipe, self.order) = (recipe, order)
    }

    func run() throws(SkiffError) -> BaseContent {
        let tree = try stage(plan.target)
        return try DockerfileResult(tree: tree).content()
    }

    private func stage(_ index: Int) throws(SkiffError) -> StageTree {
        if let tree = done[index] { return tree }
        var tree = try begin(index, in: try directory(for: index))
        let place = plan.stages[index].source.place
        var evaluator = try described { () throws(DockerfileError) in
            try StageEvaluator(plan, stage: index, config: tree.config, arguments: tree.arguments)
        }
        if plan.stages.count > 1 { Log.info(place.shown(in: recipe.name)) }
        while let step = try described({ () throws(DockerfileError) in try evaluator.next() }) {
            Log.info(step.place.shown(in: recipe.name))
            try carryOut(step, in: tree)
        }
        (tree.config, tree.arguments) = (evaluator.config, evaluator.arguments)
        done[index] = tree
        return tree
    }

    private func described<Result>(_ body: () throws(DockerfileError) -> Result) throws(SkiffError) -> Result {
        do throws(DockerfileError) {
            return try body()
        } catch {
            throw error.described(in: recipe.name)
        }
    }

    private func directory(for index: Int) throws(SkiffError) -> String {
        index == plan.target ? order.root : try makeDirectory("stage-\(index)")
    }

    private func makeDirectory(_ name: String) throws(SkiffError) -> String {
        let path = "\(order.temporary)/dockerfile/\(name)"
        try during("cannot make \(path)") { () throws(Errno) in
            try makeDirectories(path, mode: 0o755)
            // The umask of the build must not reach the root of an image.
            try chmod(path, 0o755)
        }
        return path
    }

    // MARK: - Beginning

    private func begin(_ index: Int, in path: String) throws(SkiffError) -> StageTree {
        let stage = plan.stages[index]
        switch stage.base {
        case .scratch:
            return StageTree(root: try RootTree(path), config: .scratch, arguments: [:], base: BaseContent())
        case .stage(let earlier):
            let base = try self.stage(earlier)
            var root = try take(earlier, base, path)
            if root == nil { root = try copy(base, path, stage.source.place) }
            guard let root else { return base }
            return StageTree(root: root, config: base.config, arguments: base.arguments, base: base.base)
        case .image(let name):
            return try DockerfileImage(
                name: name, platform: stage.platform, place: stage.source.place, recipe: recipe, order: order
            ).unpack(to: path)
        }
    }

    /// How many instructions need a stage.
    private func uses(of stage: Int) -> Int {
        var count = 0
        for (index, user) in plan.stages.enumerated() {
            if user.base == .stage(stage) { count += 1 }
            for instruction in user.source.instructions {
                let names: [String?] =
                    switch instruction.kind {
                    case .copy(let files): [files.from]
                    case .run(let command): command.mounts.map(\.from)
                    case .onbuild(let text): [text]
                    default: []
                    }
                // A trigger is read when it is due: who knows what it copies from.
                let isTrigger = if case .onbuild = instruction.kind { true } else { false }
                for name in names.compactMap(\.self) {
                    if isTrigger || (try? plan.source(name, in: index)) == .stage(stage) { count += 1 }
                }
            }
        }
        return count
    }

    /// Goes on in the tree of a stage that nothing else needs. Should a trigger of a base image ask for it after all, it is
    /// built again.
    ///
    /// - Returns: nil when it is needed, or lies on another file system.
    private func take(_ stage: Int, _ tree: StageTree, _ path: String) throws(SkiffError) -> RootTree? {
        guard uses(of: stage) == 1 else { return nil }
        do throws(Errno) {
            try rename(tree.root.path, to: path)
        } catch {
            if error == Errno(EXDEV) { return nil }
            throw SkiffError("cannot move \(tree.root.path) to \(path)", errno: error)
        }
        done[stage] = nil
        return try RootTree(path)
    }

    private func copy(_ tree: StageTree, _ path: String, _ place: DockerfilePlace) throws(SkiffError) -> RootTree {
        let root = try RootTree(path)
        var copier = ImageCopy(source: CopyTree(root: tree.root.descriptor), target: root, owners: owners)
        try failing(at: place) { () throws(ImageCopy.Failure) in try copier.copyTree() }
        return root
    }

    private var owners: OwnerWriter { OwnerWriter(order) }

    private func failing(at place: DockerfilePlace, _ body: () throws(ImageCopy.Failure) -> Void) throws(SkiffError) {
        do throws(ImageCopy.Failure) {
            try body()
        } catch {
            throw problem(place, "cannot copy \(error.path.text)", errno: error.reason)
        }
    }

    // MARK: - Steps

    private func problem(_ place: DockerfilePlace, _ message: String, errno: Errno? = nil) -> SkiffError {
        .step(message, at: place, in: recipe.name, errno: errno)
    }

    private func carryOut(_ step: DockerfileStep, in tree: StageTree) throws(SkiffError) {
        switch step.action {
        case .makeDirectory(let path, let owner):
            let user = try users(tree).owner(owner, at: step.place, in: recipe.name)
            do throws(Errno) {
                try ImageDirectories(root: tree.root, owners: owners).make(path, uid: user.uid, gid: user.gid)
            } catch {
                throw problem(step.place, "cannot make \(path)", errno: error)
            }
        case .copy(let copy): try carryOut(copy, step.place, tree)
        case .run(let run):
            var roots: [String] = []
            for mount in run.mounts { roots.append(try mount.from.map(rootPath) ?? "") }
            let users = users(tree)
            try DockerfileRun(
                step: run, place: step.place, recipe: recipe, order: order, root: tree.root, sources: roots
            ).run(as: try users.user(run.user, at: step.place, in: recipe.name))
        }
    }

    private func users(_ tree: StageTree) -> ImageUsers { ImageUsers(tree.root) }

    private func rootPath(_ base: DockerfilePlan.Base) throws(SkiffError) -> String { try source(base).root.path }

    /// The tree that `--from` names.
    private func source(_ base: DockerfilePlan.Base) throws(SkiffError) -> StageTree {
        switch base {
        case .stage(let index): return try stage(index)
        case .scratch:
            return StageTree(
                root: try RootTree(try makeDirectory("empty")), config: .scratch, arguments: [:], base: BaseContent())
        case .image(let name):
            if let tree = images[name] { return tree }
            let place = plan.stages[plan.target].source.place
            let tree = try DockerfileImage(
                name: name, platform: plan.options.platform, place: place, recipe: recipe, order: order
            ).unpack(to: try makeDirectory("image-\(images.count)"))
            images[name] = tree
            return tree
        }
    }

    private func carryOut(_ step: CopyStep, _ place: DockerfilePlace, _ tree: StageTree) throws(SkiffError) {
        let owner = try step.owner.map { text throws(SkiffError) in
            try users(tree).owner(text, at: place, in: recipe.name)
        }
        let copy: DockerfileCopy
        if let from = step.from {
            let source = try source(from)
            copy = DockerfileCopy(
                step: step, source: CopyTree(root: source.root.descriptor), keepsOwners: true, owner: owner,
                target: tree.root, owners: owners)
            return try run(copy, place)
        }
        let context = try during("cannot open the build context \(recipe.context)") { () throws(Errno) in
            try open(recipe.context, O_RDONLY | O_DIRECTORY)
        }
        copy = DockerfileCopy(
            step: step, source: CopyTree(root: context.raw, ignored: recipe.ignored), keepsOwners: false,
            owner: owner, target: tree.root, owners: owners)
        try run(copy, place)
    }

    private func run(_ copy: DockerfileCopy, _ place: DockerfilePlace) throws(SkiffError) {
        do throws(DockerfileProblem) {
            for warning in try copy.run() { Log.warning("\(recipe.name):\(place.line): \(warning)") }
        } catch {
            throw problem(place, error.message)
        }
    }
}

extension SkiffError {
    /// A step of a Dockerfile that failed.
    static func step(
        _ message: String, at place: DockerfilePlace, in file: String, errno: Errno? = nil
    ) -> SkiffError {
        let reason = errno.map { ": " + $0.description.prefix(1).lowercased() + $0.description.dropFirst() } ?? ""
        return SkiffError("While performing build: \(message)\(reason)\n         \(place.shown(in: file))")
    }
}
