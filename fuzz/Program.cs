using Net.Tests.Fuzz;

// The fuzzer's end of the pipe; `fuzz/run` starts it. What a target is and does is in Net.Tests/Fuzz.
return args switch
{
    ["list"] => List(),
    ["seeds", string name, string folder] when Find(name) is FuzzTarget target => WriteSeeds(target, folder),
    ["try", string name, string file] when Find(name) is FuzzTarget target => Try(target, file),
    ["fuzz", string name] when Find(name) is FuzzTarget target => Fuzz(target),
    _ => Usage(),
};

static FuzzTarget? Find(string name) => FuzzTarget.All.FirstOrDefault(t => t.Name == name);

static int List()
{
    foreach (FuzzTarget target in FuzzTarget.All)
    {
        Console.WriteLine($"{target.Name,-15} {target.What}");
    }

    return 0;
}

static int WriteSeeds(FuzzTarget target, string folder)
{
    Directory.CreateDirectory(folder);
    int number = 0;
    foreach (byte[] seed in target.Seeds())
    {
        File.WriteAllBytes(Path.Combine(folder, $"seed-{number++:000}"), seed);
    }

    return 0;
}

static int Try(FuzzTarget target, string file)
{
    target.Run(File.ReadAllBytes(file));
    return 0;
}

static int Fuzz(FuzzTarget target)
{
    SharpFuzz.Fuzzer.OutOfProcess.Run(stream =>
    {
        using MemoryStream input = new();
        stream.CopyTo(input);
        target.Run(input.ToArray());
    });
    return 0;
}

static int Usage()
{
    Console.Error.WriteLine("usage: fuzz list | seeds TARGET FOLDER | try TARGET FILE | fuzz TARGET   (start it with fuzz/run)");
    return 2;
}
