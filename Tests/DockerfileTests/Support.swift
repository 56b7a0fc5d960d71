import Testing

@testable import Dockerfile

func parse(_ text: String) throws -> ParsedDockerfile { try ParsedDockerfile(parsing: Array(text.utf8)) }

/// The error that a Dockerfile gives, as it is shown; nil when it is taken.
func refused(_ text: String, _ change: (inout DockerfileOptions) -> Void = { _ in }) -> String? {
    do throws(DockerfileError) {
        let parsed = try ParsedDockerfile(parsing: Array(text.utf8))
        var options = testOptions
        change(&options)
        let plan = try DockerfilePlan(parsed, options)
        for stage in plan.stages.indices {
            var evaluator = try StageEvaluator(plan, stage: stage, config: .scratch)
            while try evaluator.next() != nil {}
        }
        return nil
    } catch {
        return error.described(in: "Dockerfile").description
    }
}

let testOptions = DockerfileOptions(
    platform: Platform(architecture: "arm64"), buildPlatform: Platform(architecture: "amd64"))

struct Evaluated {
    var config: ContainerConfig
    var steps: [DockerfileStep.Action]
    var arguments: [String: String]

    var runs: [RunStep] { steps.compactMap { if case .run(let step) = $0 { step } else { nil } } }
    var copies: [CopyStep] { steps.compactMap { if case .copy(let step) = $0 { step } else { nil } } }
}

/// The last stage, with stages that it begins from done before it.
func evaluate(
    _ text: String, base: ContainerConfig = .scratch, _ change: (inout DockerfileOptions) -> Void = { _ in }
) throws -> Evaluated {
    var options = testOptions
    change(&options)
    let plan = try DockerfilePlan(try parse(text), options)
    func stage(_ index: Int) throws -> Evaluated {
        var start = Evaluated(config: base, steps: [], arguments: [:])
        if case .stage(let below) = plan.stages[index].base { start = try stage(below) }
        if plan.stages[index].base == .scratch { start.config = .scratch }
        var evaluator = try StageEvaluator(plan, stage: index, config: start.config, arguments: start.arguments)
        var steps: [DockerfileStep.Action] = []
        while let step = try evaluator.next() { steps.append(step.action) }
        return Evaluated(config: evaluator.config, steps: steps, arguments: evaluator.arguments)
    }
    return try stage(plan.target)
}
