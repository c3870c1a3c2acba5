using System.Diagnostics;
using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Net.Node.Cli;
using Net.Node.Data;
using Net.Node.Runtime;

namespace Net.Node.Commands;

/// <summary>`continuum get`: one request, and its body where it is wanted.</summary>
/// <remarks>
/// A status from 400 on is a failure, as for curl -f: whoever asked for a file does not want an error page under its name. With -i the head
/// of such a response is shown all the same. Redirects are followed, to https alone.
/// </remarks>
internal sealed class GetCommand(GetOptions options, ICommandRuntime runtime, CommandOutput output, TimeProvider time)
{
    private readonly long _start = time.GetTimestamp();
    private TimeSpan? _connected;
    private TimeSpan? _firstByte;
    private HttpResponseMessage? _response;
    private long _bytes;

    public async Task<int> RunAsync(DataDirectory data, CancellationToken cancellationToken)
    {
        try
        {
            await FetchAsync(data, cancellationToken).ConfigureAwait(false);
            Report(null);
            return ExitCode.Done;
        }
        catch (Exception error) when (error is HttpRequestException or IOException && !cancellationToken.IsCancellationRequested)
        {
            CommandFailure failure = GetFailure.Of(error, options);
            Report(new(GetFailure.CodeOf(error), failure.Message));
            throw failure;
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            // What the interruption broke is no news.
            throw new OperationCanceledException(error.Message, error, cancellationToken);
        }
        catch (CommandFailure failure)
        {
            Report(new(_response is null ? "local" : (int)_response.StatusCode >= 300 ? "status" : "incomplete", failure.Message));
            throw;
        }
        finally
        {
            _response?.Dispose();
        }
    }

    private async Task FetchAsync(DataDirectory data, CancellationToken cancellationToken)
    {
        X509Certificate2Collection roots = options.Insecure ? [] : [data.DevelopmentCa()];
        using HttpMessageInvoker client = new(runtime.CreateHandler(roots, options.Insecure, _ => _connected ??= Elapsed));
        using HttpRequestMessage request = GetRequest.Create(options, output.OpenInput);
        // What cannot be written is not asked for.
        BodyTarget target = BodyTarget.Open(options, output);
        await using (target.ConfigureAwait(false))
        {
            _response = await client.SendAsync(request, cancellationToken).ConfigureAwait(false);
            _firstByte = Elapsed;
            int status = (int)_response.StatusCode;
            if (status is < 200 or > 299)
            {
                if (options is { ShowsHead: true, Json: false })
                {
                    output.Result(ResponseText.HeadOf(_response).TrimEnd());
                }

                throw new CommandFailure($"the server answered {status}", status == 404 ? "check the path" : "check the URL and the server's log");
            }

            if (options.ShowsHead)
            {
                await target.Stream.WriteAsync(System.Text.Encoding.Latin1.GetBytes(ResponseText.HeadOf(_response)), cancellationToken).ConfigureAwait(false);
            }

            await CopyAsync(target, cancellationToken).ConfigureAwait(false);
            target.Keep();
        }
    }

    private TimeSpan Elapsed => time.GetElapsedTime(_start);

    private async Task CopyAsync(BodyTarget target, CancellationToken cancellationToken)
    {
        long? length = options.Method == "HEAD" ? null : _response!.Content.Headers.ContentLength;
        Stream body = await _response!.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (body.ConfigureAwait(false))
        {
            await ProgressBar.RunAsync(target.Name, length, output, async progress =>
            {
                byte[] buffer = new byte[256 * 1024];
                for (int count; (count = await body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0; _bytes += count)
                {
                    await target.Stream.WriteAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
                    progress(count);
                }
            }).ConfigureAwait(false);
        }

        if (length is long announced && _bytes != announced)
        {
            throw new CommandFailure($"only {_bytes} of {announced} bytes came", "try again");
        }
    }

    private void Report(ErrorJson? error)
    {
        if (!options.Json)
        {
            return;
        }

        TimeSpan total = Elapsed;
        double seconds = (total - (_firstByte ?? total)).TotalSeconds;
        output.Result(ReportJson.Write(new GetJson(
            _response?.RequestMessage?.RequestUri?.AbsoluteUri ?? options.Url.AbsoluteUri,
            GetRequest.MethodOf(options),
            (int)(_response?.StatusCode ?? 0),
            _bytes,
            _response?.Content.Headers.ContentLength,
            Microseconds(_connected),
            Microseconds(_firstByte),
            MigrateJson.Microseconds(total),
            seconds > 0 ? (long)(_bytes / seconds) : 0,
            error is null ? options.Output : null,
            _response is null ? new Dictionary<string, string>() : ResponseText.FieldsOf(_response).ToDictionary(),
            error)));
    }

    private static long? Microseconds(TimeSpan? span) => span is TimeSpan known ? MigrateJson.Microseconds(known) : null;
}

/// <summary>The request of a command line.</summary>
internal static class GetRequest
{
    public static string MethodOf(GetOptions options) => options.Method ?? (options.Data is null ? "GET" : "POST");

    /// <exception cref="CommandFailure">A file to send cannot be read.</exception>
    public static HttpRequestMessage Create(GetOptions options, Func<Stream> openInput)
    {
        HttpRequestMessage request = new(new(MethodOf(options)), options.Url)
        {
            Version = HttpVersion.Version30,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = options.Data is string data ? BodyOf(data, openInput) : null,
        };
        request.Headers.TryAddWithoutValidation("User-Agent", "continuum");
        request.Headers.TryAddWithoutValidation("Accept", "*/*");
        foreach (HeaderField field in options.Headers)
        {
            // Either collection throws when it is asked to remove what belongs to the other.
            if (request.Headers.NonValidated.Contains(field.Name))
            {
                request.Headers.Remove(field.Name);
            }
            else if (request.Content?.Headers.NonValidated.Contains(field.Name) == true)
            {
                request.Content.Headers.Remove(field.Name);
            }
        }

        foreach ((string name, string value) in options.Headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
            {
                request.Content ??= new ByteArrayContent([]);
                request.Content.Headers.TryAddWithoutValidation(name, value);
            }
        }

        return request;
    }

    private static HttpContent BodyOf(string data, Func<Stream> openInput)
    {
        HttpContent content = data switch
        {
            "@-" => new StreamContent(openInput()),
            ['@', .. string path] => new StreamContent(Open(path)),
            _ => new ByteArrayContent(System.Text.Encoding.UTF8.GetBytes(data)),
        };
        // As curl says it; -H replaces it.
        content.Headers.TryAddWithoutValidation("Content-Type", "application/x-www-form-urlencoded");
        return content;
    }

    private static FileStream Open(string path)
    {
        try
        {
            return new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string why = System.IO.Directory.Exists(path) ? "is a directory"
                : e is FileNotFoundException or DirectoryNotFoundException ? "does not exist" : $"cannot be read ({e.Message.TrimEnd('.')})";
            throw new CommandFailure($"-d @{Values.Shown(path)} {why}", "give a file that can be read");
        }
    }
}

/// <summary>A response's head as text.</summary>
internal static class ResponseText
{
    /// <summary>The status line and the fields, as curl shows them for HTTP/3.</summary>
    public static string HeadOf(HttpResponseMessage response) =>
        $"HTTP/3 {(int)response.StatusCode}\r\n{string.Concat(FieldsOf(response).Select(field => $"{field.Key}: {field.Value}\r\n"))}\r\n";

    /// <summary>Lower-case names; values of one name joined by a comma (RFC 9110, section 5.3).</summary>
    public static IEnumerable<KeyValuePair<string, string>> FieldsOf(HttpResponseMessage response) =>
        response.Headers.NonValidated.Concat(response.Content.Headers.NonValidated)
            .Select(field => KeyValuePair.Create(field.Key.ToLowerInvariant(), string.Join(", ", field.Value)));
}

/// <summary>Why a request failed, in the words of the command line.</summary>
internal static class GetFailure
{
    /// <summary>For --json.</summary>
    public static string CodeOf(Exception error) => error switch
    {
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => "no-address",
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => "untrusted",
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } => "unreachable",
        HttpRequestException or HttpIOException => "cut-off",
        _ => "local",
    };

    public static CommandFailure Of(Exception error, GetOptions options)
    {
        string host = options.Url.IdnHost.Trim('[', ']');
        string why = Inner(error.InnerException ?? error);
        return CodeOf(error) switch
        {
            "no-address" => new($"{host} has no address", "check the URL"),
            "untrusted" when error.InnerException is AuthenticationException =>
                new($"the certificate of {host} is not trusted ({why})", "use the server's CONTINUUM_HOME, or --insecure to take any certificate"),
            "untrusted" => new($"no TLS connection with {host} ({why})", "check that it serves HTTP/3 on that port"),
            "unreachable" => new($"cannot reach {host} port {options.Url.Port} ({why})", "check the URL, and that the server runs"),
            "cut-off" => new($"the exchange with {host} was cut off ({why})", "try again"),
            _ => new($"{Inner(error)}", "check the path and the disk"),
        };
    }

    private static string Inner(Exception e) => e.Message.TrimEnd('.').Replace(": ", ", ", StringComparison.Ordinal);
}
