using System.Diagnostics;
using Net.Node.Cli;

namespace Net.Node.Demo;

/// <summary>A child of the demo. Its standard input is its life line: it ends when we close it, or when we are no more.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private static readonly TimeSpan s_toStart = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_toStop = TimeSpan.FromSeconds(3);

    private readonly string _name;
    private readonly Process _process;
    private readonly TaskCompletionSource<string> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string _lastError = "";
    private int _isDisposed;

    private ChildProcess(string name, Process process) => (_name, _process) = (name, process);

    /// <summary>Starts it; its lines on standard error go to <paramref name="onError"/>.</summary>
    /// <exception cref="CommandFailure">The program cannot be started.</exception>
    public static ChildProcess Start(string name, ProcessStartInfo info, Action<string> onError)
    {
        Process process = new() { StartInfo = info, EnableRaisingEvents = true };
        ChildProcess child = new(name, process);
        process.OutputDataReceived += (_, line) => child.OnOutput(line.Data);
        process.ErrorDataReceived += (_, line) => child.OnError(line.Data, onError);
        process.Exited += (_, _) => child._ready.TrySetException(new EndOfStreamException());
        try
        {
            process.Start();
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            process.Dispose();
            throw new CommandFailure($"{info.FileName} cannot be started ({e.Message.TrimEnd('.')})", "check the installation");
        }

        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return child;
    }

    /// <summary>Waits for the line that says it serves.</summary>
    /// <exception cref="CommandFailure">It ended instead, or said nothing for 30 s.</exception>
    public async Task<string> ReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _ready.Task.WaitAsync(s_toStart, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is EndOfStreamException or TimeoutException)
        {
            // What it said last is the reason, if its pipe is read to the end.
            if (_process.HasExited)
            {
                await _process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
            }

            string said = _lastError.Length > 0 ? $" ({_lastError.Replace(": ", ", ", StringComparison.Ordinal)})" : "";
            throw new CommandFailure($"{_name} {(e is TimeoutException ? "was not ready in time" : "ended at once")}{said}", "run it by itself to see why");
        }
    }

    /// <summary>Asks it to end, as a service manager does, and waits.</summary>
    /// <returns>Its exit code; null when it had to be killed, or could not be asked.</returns>
    public async Task<int?> TerminateAsync(TimeSpan within, CancellationToken cancellationToken)
    {
        if (!Signals.TryTerminate(_process.Id))
        {
            return null;
        }

        return await ExitAsync(within, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits until it has ended by itself.</summary>
    /// <returns>Its exit code; null when it had to be killed.</returns>
    public async Task<int?> ExitAsync(TimeSpan within, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(within);
        try
        {
            await _process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
            return _process.ExitCode;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            Kill();
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        try
        {
            _process.StandardInput.Close();
            using CancellationTokenSource limit = new(s_toStop);
            await _process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or InvalidOperationException)
        {
            Kill();
        }

        _process.Dispose();
    }

    private void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit(s_toStop);
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            // It has ended meanwhile.
        }
    }

    private void OnOutput(string? line)
    {
        if (line is not null)
        {
            _ready.TrySetResult(line);
        }
    }

    private void OnError(string? line, Action<string> onError)
    {
        if (line is not null)
        {
            _lastError = line;
            onError(line);
        }
    }
}
