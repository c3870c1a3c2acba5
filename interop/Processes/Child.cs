using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Interop.Processes;

/// <summary>A started program: its standard error is kept (the last part of it), it never outlives the harness, and waiting for it is bounded.</summary>
internal sealed partial class Child : IDisposable
{
    private const int TerminateSignal = 15;
    private const int InterruptSignal = 2;
    private const int StopSignal = 19;
    private const int ContinueSignal = 18;

    private static readonly ConcurrentDictionary<Child, bool> s_running = new();

    private readonly Process _process;
    private readonly Tail _errors = new();
    private readonly Tail _output = new();
    private readonly Task _errorPump;
    private Task _outputPump = Task.CompletedTask;

    private Child(string name, Process process)
    {
        Name = name;
        _process = process;
        _errorPump = PumpAsync(process.StandardError, _errors);
    }

    public string Name { get; }

    public int Id => _process.Id;

    public Stream Output => _process.StandardOutput.BaseStream;

    public StreamReader OutputLines => _process.StandardOutput;

    public Stream Input => _process.StandardInput.BaseStream;

    public string Errors => _errors.ToString();

    /// <summary>The last part of its standard output, once <see cref="DrainOutput"/> was called.</summary>
    public string Said => _output.ToString();

    public bool HasExited => _process.HasExited;

    /// <summary>Starts a program with standard output and input as pipes.</summary>
    /// <exception cref="CaseFailedException">The program cannot be started.</exception>
    public static Child Start(string name, string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment = null)
    {
        ProcessStartInfo info = new(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
        };
        foreach ((string key, string? value) in environment ?? new Dictionary<string, string?>())
        {
            info.Environment[key] = value;
        }

        try
        {
            Child child = new(name, Process.Start(info)!);
            s_running[child] = true;
            return child;
        }
        catch (Win32Exception e)
        {
            throw new CaseFailedException($"{name} does not start: {e.Message}");
        }
    }

    /// <summary>Runs a program to its end with empty input.</summary>
    public static async Task<Finished> RunAsync(
        string name,
        string program,
        IEnumerable<string> arguments,
        TimeSpan limit,
        IReadOnlyDictionary<string, string?>? environment = null,
        CancellationToken cancellationToken = default)
    {
        using Child child = Start(name, program, arguments, environment);
        child._process.StandardInput.Close();
        Task<string> output = child.OutputLines.ReadToEndAsync(cancellationToken);
        int code = await child.WaitAsync(limit, cancellationToken);
        return new(code, await output, child.Errors);
    }

    /// <summary>Waits for the end of the program and of what it wrote to standard error.</summary>
    /// <exception cref="CaseFailedException">It runs on after <paramref name="limit"/>.</exception>
    public async Task<int> WaitAsync(TimeSpan limit, CancellationToken cancellationToken = default)
    {
        try
        {
            await _process.WaitForExitAsync(cancellationToken).WaitAsync(limit, cancellationToken);
            await _errorPump.WaitAsync(limit, cancellationToken);
            await _outputPump.WaitAsync(limit, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new CaseFailedException($"{Name} still runs after {limit.TotalSeconds} s; it said: {LastLine(Errors)}");
        }

        s_running.TryRemove(this, out _);
        return _process.ExitCode;
    }

    /// <summary>SIGKILL: no goodbye to anybody.</summary>
    public void Kill()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        s_running.TryRemove(this, out _);
    }

    /// <summary>SIGTERM: it may end in order.</summary>
    public void Terminate() => Signal(TerminateSignal);

    /// <summary>SIGINT: it shall end now, in order.</summary>
    public void Interrupt() => Signal(InterruptSignal);

    /// <summary>Keeps what it writes to standard output, which nobody else reads then; its input ends.</summary>
    public void DrainOutput()
    {
        _process.StandardInput.Close();
        _outputPump = PumpAsync(_process.StandardOutput, _output);
    }

    /// <summary>SIGSTOP: it answers nothing, and keeps its sockets.</summary>
    public void Stop() => Signal(StopSignal);

    public void Continue() => Signal(ContinueSignal);

    public void Dispose()
    {
        Kill();
        // A killed process may leave grandchildren holding the pipe; nothing here waits for them.
        _process.Dispose();
    }

    public static void KillAll()
    {
        foreach (Child child in s_running.Keys)
        {
            child.Kill();
        }
    }

    public static string LastLine(string text) =>
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault() ?? "(nothing)";

    private void Signal(int signal)
    {
        if (Send(_process.Id, signal) != 0)
        {
            throw new CaseFailedException($"{Name} is gone: {LastLine(Errors)}");
        }
    }

    private static async Task PumpAsync(StreamReader reader, Tail tail)
    {
        char[] buffer = new char[4096];
        try
        {
            while (await reader.ReadAsync(buffer) is int count and > 0)
            {
                tail.Append(buffer.AsSpan(0, count));
            }
        }
        catch (Exception e) when (e is ObjectDisposedException or IOException)
        {
            // The process was disposed of: what came until then is what there is.
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Send(int process, int signal);
}
