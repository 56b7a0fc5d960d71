import Testing

@testable import Dockerfile

@Suite struct EvaluationTests {
    @Test func environmentGrowsInOrder() throws {
        let result = try evaluate("FROM scratch\nENV a=1 b=2\nENV a=3 c=$a$b d=${x:-y}\nENV e=$c\n")
        #expect(
            result.config.environment == ["PATH=" + ContainerConfig.standardPath, "a=3", "b=2", "c=12", "d=y", "e=12"])
    }

    @Test func argumentsHaveScopes() throws {
        let text = "ARG v=1\nARG w=$v.5\nFROM scratch\nARG v\nARG w=9\nARG n\nARG d=${v}x\nENV r=$v,$w,$n,$d\n"
        #expect(try evaluate(text).config.environment.last == "r=1,9,,1x")
        #expect(try evaluate(text) { $0.arguments = ["v": "7", "n": "N"] }.config.environment.last == "r=7,9,N,7x")
        #expect(try evaluate("ARG v=1\nFROM scratch\nENV r=x$v\n").config.environment.last == "r=x")
    }

    @Test func argumentsAreInheritedAndLostWithTheirStage() throws {
        let text = "FROM scratch AS a\nARG v=1\nFROM a\nENV r=x$v\n"
        #expect(try evaluate(text).config.environment.last == "r=x1")
        #expect(try evaluate("FROM scratch AS a\nARG v=1\nFROM scratch\nENV r=x$v\n").config.environment.last == "r=x")
    }

    @Test func whatENVSetsCountsMoreThanARG() throws {
        let result = try evaluate("FROM scratch\nENV v=env\nARG v=arg\nRUN a\nENV r=$v\n") {
            $0.arguments = ["v": "given"]
        }
        #expect(result.config.environment.last == "r=env")
        #expect(result.runs.first?.environment == ["PATH=" + ContainerConfig.standardPath, "v=env"])
    }

    @Test func platformsAreKnownWhereDeclared() throws {
        let text = "FROM scratch\nARG TARGETARCH\nARG BUILDPLATFORM\nENV r=$TARGETARCH,$BUILDPLATFORM,$TARGETOS\n"
        #expect(try evaluate(text).config.environment.last == "r=arm64,linux/amd64,")
        let plan = try DockerfilePlan(try parse("FROM --platform=$BUILDPLATFORM x\nFROM y:$TARGETARCH$v"), testOptions)
        #expect(plan.stages.map(\.base) == [.image("x"), .image("y:arm64")])
        #expect(plan.stages.map(\.platform.text) == ["linux/amd64", "linux/arm64"])
    }

    @Test(arguments: [
        ("amd64", "linux/amd64"), ("linux/arm64/v8", "linux/arm64"), ("linux/arm/v7", "linux/arm/v7"),
        ("x86_64", "linux/amd64"),
        ("LINUX/AArch64", "linux/arm64"),
    ])
    func readsPlatforms(text: String, expected: String) throws { #expect(try Platform(parsing: text).text == expected) }

    @Test func commandsUseTheShellOfTheirTime() throws {
        let result = try evaluate(
            "FROM scratch\nCMD a\nRUN b\nSHELL [\"/bin/bash\", \"-ec\"]\nRUN c $x\nENTRYPOINT d\nRUN [\"e\", \"$x\"]\n")
        #expect(result.config.command == ["/bin/sh", "-c", "a"])
        #expect(result.config.entrypoint == ["/bin/bash", "-ec", "d"])
        #expect(result.config.shell == ["/bin/bash", "-ec"])
        #expect(
            result.runs.map(\.program) == [
                .arguments(["/bin/sh", "-c", "b"]), .arguments(["/bin/bash", "-ec", "c $x"]), .arguments(["e", "$x"]),
            ])
    }

    @Test func anEntrypointForgetsTheCommandOfTheBase() throws {
        var base = ContainerConfig()
        base.command = ["old"]
        #expect(try evaluate("FROM x\nENTRYPOINT [\"e\"]\n", base: base).config.command == nil)
        #expect(try evaluate("FROM x\nCMD [\"c\"]\nENTRYPOINT [\"e\"]\n", base: base).config.command == ["c"])
        #expect(try evaluate("FROM x\nUSER u\n", base: base).config.command == ["old"])
    }

    @Test func directoriesFollowEachOther() throws {
        let result = try evaluate(
            "FROM scratch\nWORKDIR a\nRUN x\nENV d=/q\nUSER u:g\nWORKDIR $d/../b/\nWORKDIR c\nCOPY x .\n")
        #expect(result.config.workingDirectory == "/b/c")
        #expect(result.runs.first?.directory == "/a")
        #expect(result.steps.first == .makeDirectory("/a", owner: ""))
        #expect(
            result.steps.dropFirst(2).prefix(2) == [
                .makeDirectory("/b", owner: "u:g"), .makeDirectory("/b/c", owner: "u:g"),
            ])
        #expect(result.copies.first?.destination == "/b/c/")
        #expect(try evaluate("FROM scratch\nWORKDIR /\n").steps.isEmpty)
    }

    @Test func copiesAreExpanded() throws {
        let step = try #require(
            try evaluate(
                "FROM scratch AS b\nFROM x\nARG n=s\nCOPY --from=b --chown=$n:1 --chmod=u=$n --exclude=$n* $n/*.o \"q\" /d$n/\n"
            ).copies.first)
        #expect(step.sources == ["s/*.o", "q"] && step.destination == "/ds/" && step.from == .stage(0))
        #expect(step.owner == "s:1" && step.excluded.ignores("sx") && !step.unpacks)
        #expect(try evaluate("FROM x\nADD a b").copies.first?.unpacks == true)
        #expect(try evaluate("FROM x\nCOPY --from=y:1 a b").copies.first?.from == .image("y:1"))
        #expect(try evaluate("FROM x AS s\nFROM y\nCOPY --from=0 a b").copies.first?.from == .stage(0))
        #expect(try evaluate("ARG i=z\nFROM x\nCOPY --from=$i a b").copies.first?.from == .image("z"))
    }

    @Test func heredocsBecomeFiles() throws {
        let step = try #require(
            try evaluate(
                "FROM scratch\nENV v=1\nCOPY <<a <<-'b' /x/\n$v don't \\$v\na\n\t$v\n\tb\n"
            ).copies.first)
        #expect(step.files.map(\.name) == ["a", "b"])
        #expect(step.files.map { String(decoding: $0.content, as: UTF8.self) } == ["1 don't $v\n", "$v\n"])
    }

    @Test func heredocsOfRUN() throws {
        let runs = try evaluate(
            """
            FROM scratch
            RUN <<EOF
            a $x
            b
            EOF
            RUN <<-EOF
            \tc
            \tEOF
            RUN cat <<A <<-"B" >d
            1
            A
            \t2
            B
            RUN <<EOF
            #!/usr/bin/python3
            print(1)
            EOF

            """
        ).runs.map(\.program)
        #expect(
            runs == [
                .arguments(["/bin/sh", "-c", "a $x\nb\n"]), .arguments(["/bin/sh", "-c", "c\n"]),
                .arguments(["/bin/sh", "-c", "cat <<A <<-\"B\" >d\n1\nA\n\t2\nB"]),
                .script(Array("#!/usr/bin/python3\nprint(1)\n".utf8)),
            ])
    }

    @Test func theCommandSeesVariablesAndProxies() throws {
        let run = try #require(
            try evaluate("FROM x\nARG a=1\nENV b=2\nRUN c\n") {
                $0.arguments = ["http_proxy": "p", "unknown": "u"]
            }.runs.first)
        #expect(run.environment == ["a=1", "PATH=" + ContainerConfig.standardPath, "b=2"])
        #expect(run.proxies == ["http_proxy=p"])
        #expect(
            try evaluate("FROM x\nARG http_proxy\nRUN c\n") { $0.arguments = ["http_proxy": "p"] }.runs.first?.proxies
                == [])
    }

    @Test func mountsAreResolved() throws {
        let mounts = try #require(
            try evaluate(
                "FROM x AS s\nFROM y\nWORKDIR /w\nRUN --mount=from=s,target=t --mount=type=cache,target=/root/.c "
                    + "--mount=type=tmpfs,target=/tmp,size=2k a\n"
            ).runs.first?.mounts)
        #expect(mounts.map(\.target) == ["/w/t", "/root/.c", "/tmp"])
        #expect(mounts.map(\.from) == [.stage(0), nil, nil])
        #expect(mounts.map(\.isWritable) == [false, true, true])
        #expect(mounts.map(\.identifier)[1] == "/root/.c" && mounts[2].size == 2048)
    }

    @Test func configIsWritten() throws {
        let config = try evaluate(
            """
            FROM scratch
            LABEL b=2 a="x y"
            EXPOSE 81/udp 80 8000-8001
            VOLUME /v /v
            STOPSIGNAL SIGTERM
            USER 1:2
            HEALTHCHECK --retries=2 CMD true
            ONBUILD RUN x
            ENTRYPOINT ["e"]
            CMD []
            """
        ).config
        #expect(
            config.json.text()
                == #"{"User":"1:2","ExposedPorts":{"80/tcp":{},"8000/tcp":{},"8001/tcp":{},"81/udp":{}},"#
                + #""Env":["PATH=\#(ContainerConfig.standardPath)"],"Entrypoint":["e"],"Cmd":[],"#
                + #""Healthcheck":{"Test":["CMD-SHELL","true"],"Retries":2},"Volumes":{"/v":{}},"WorkingDir":"/","#
                + #""Labels":{"a":"x y","b":"2"},"OnBuild":["RUN x"],"StopSignal":"SIGTERM"}"#)
    }

    @Test func triggersOfTheBaseComeFirst() throws {
        var base = ContainerConfig()
        base.triggers = ["RUN one", "COPY <<e /x\ny\ne"]
        let result = try evaluate("FROM x\nRUN two\nONBUILD RUN three\n", base: base)
        #expect(result.runs.map(\.program) == ["one", "two"].map { .arguments(["/bin/sh", "-c", $0]) })
        #expect(result.copies.first?.files.first?.name == "e")
        #expect(result.config.triggers == ["RUN three"])
        let stages = try evaluate("FROM scratch AS a\nONBUILD RUN one\nFROM a\nRUN two\n")
        #expect(stages.runs.count == 2 && stages.config.triggers.isEmpty)
        for wrong in ["FROM x", "ONBUILD RUN x", "", "NOPE"] {
            base.triggers = [wrong]
            #expect(throws: DockerfileError.self) { try evaluate("FROM x\n", base: base) }
        }
    }

    @Test func stagesAreFound() throws {
        let plan = try DockerfilePlan(try parse("FROM x AS a\nFROM A AS b\nFROM scratch\nFROM c\n"), testOptions)
        #expect(plan.stages.map(\.base) == [.image("x"), .stage(0), .scratch, .image("c")])
        #expect(plan.target == 3)
        #expect(try plan.source("B", in: 3) == .stage(1))
        #expect(try plan.source("img", in: 3) == .image("img"))
    }

    @Test func unusedArgumentsAreNamed() throws {
        var options = testOptions
        options.arguments = ["a": "", "b": "", "c": "", "no_proxy": "", "TARGETARCH": ""]
        #expect(try DockerfilePlan(try parse("ARG a\nFROM x\nARG b\n"), options).unusedArguments == ["c"])
    }

    @Test func theEscapeOfTheFileCounts() throws {
        #expect(
            try evaluate("# escape=`\nFROM scratch\nENV v=c:\\x w=`$v\n").config.environment.suffix(2) == [
                "v=c:\\x", "w=$v",
            ])
    }
}
