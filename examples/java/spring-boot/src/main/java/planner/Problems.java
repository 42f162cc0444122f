package planner;

import ai.dsk.DskException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;

/** Failures as problem documents (RFC 9457), with the library's JSON pointer as "path". */
@RestControllerAdvice
class Problems {
  static Throwable cause(Throwable t) {
    return t instanceof CompletionException && t.getCause() != null ? t.getCause() : t;
  }

  @ExceptionHandler
  ProblemDetail library(DskException e) {
    HttpStatus status = switch (e.status()) {
      case INVALID_ARGUMENT, INVALID_REQUEST -> HttpStatus.BAD_REQUEST;
      case NOT_FOUND -> HttpStatus.NOT_FOUND;
      case UNSUPPORTED -> HttpStatus.UNPROCESSABLE_ENTITY;
      case UNAVAILABLE, CANCELLED, OUT_OF_MEMORY -> HttpStatus.SERVICE_UNAVAILABLE;
      case DEADLINE -> HttpStatus.GATEWAY_TIMEOUT;
      default -> HttpStatus.INTERNAL_SERVER_ERROR;
    };
    ProblemDetail problem = ProblemDetail.forStatusAndDetail(status, e.getMessage());
    problem.setProperty("status_name", e.status().name().toLowerCase(java.util.Locale.ROOT));
    problem.setProperty("path", e.path());
    return problem;
  }

  @ExceptionHandler
  ProblemDetail late(TimeoutException e) {
    return ProblemDetail.forStatusAndDetail(HttpStatus.GATEWAY_TIMEOUT, "the search took longer than planner.timeout and was stopped");
  }

  @ExceptionHandler
  ResponseEntity<ProblemDetail> full(RejectedExecutionException e) {
    return ResponseEntity.status(HttpStatus.SERVICE_UNAVAILABLE).header(HttpHeaders.RETRY_AFTER, "1")
        .body(ProblemDetail.forStatusAndDetail(HttpStatus.SERVICE_UNAVAILABLE, "all searches and the queue are taken"));
  }

  @ExceptionHandler
  ProblemDetail unknownForm(IllegalArgumentException e) {
    return ProblemDetail.forStatusAndDetail(HttpStatus.BAD_REQUEST, "form must be json, table, kubernetes or command");
  }
}
