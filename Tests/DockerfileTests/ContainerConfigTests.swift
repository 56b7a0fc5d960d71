import Base
import Testing

@testable import Dockerfile

/// The `config` object of an image.
@Suite struct ContainerConfigTests {
    private func read(_ text: String) throws -> ContainerConfig? {
        ContainerConfig(json: try JSONReader.read(Array(text.utf8)))
    }

    @Test func comesBackAsItWasWritten() throws {
        var config = ContainerConfig.scratch
        config.user = "1:2"
        config.exposedPorts = [try PortRange(parsing: "80/udp"), try PortRange(parsing: "443")]
        (config.entrypoint, config.command, config.shell) = (["e"], [], ["sh", "-c"])
        (config.volumes, config.workingDirectory, config.stopSignal) = (["/a", "/b"], "/w", "TERM")
        (config.labels, config.triggers) = (["k": "v"], ["RUN x"])
        config.healthcheck = Healthcheck(test: ["CMD", "x"], interval: 1, retries: 3)
        #expect(try read(config.json.text()) == config)
    }

    @Test func absentAndNullAreTheSame() throws {
        #expect(try read("{}") == ContainerConfig())
        #expect(try read(#"{"User":null,"Env":null,"Labels":null,"Healthcheck":null,"Other":1}"#) == ContainerConfig())
    }

    @Test(arguments: [
        "[]", #"{"User":1}"#, #"{"Env":"A=1"}"#, #"{"Env":[1]}"#, #"{"Labels":{"a":1}}"#, #"{"Volumes":[]}"#,
        #"{"Healthcheck":[]}"#, #"{"Healthcheck":{"Retries":"3"}}"#,
    ]) func membersOfTheWrongTypeAreRefused(text: String) throws {
        #expect(try read(text) == nil)
    }
}
