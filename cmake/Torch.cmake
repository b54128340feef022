# LibTorch: the interface target auteur_torch. Its libraries are linked directly: find_package (Torch)
# wants a CUDA toolkit wherever LibTorch was built with CUDA, and all that is needed is in its own folder.
# Every build of LibTorch for CUDA has libtorch_cuda, whose kernels register when it is loaded, though
# nothing calls into it: hence no-as-needed.
# Looked for, in this order: AUTEUR_TORCH, what find_package (Torch) would be told (Torch_DIR and
# CMAKE_PREFIX_PATH, as torch.utils.cmake_prefix_path prints it), .venv/, the packages of python3.
set (candidates "")
foreach (prefix ${Torch_DIR} ${CMAKE_PREFIX_PATH} $ENV{CMAKE_PREFIX_PATH})
    foreach (up "" /.. /../.. /../../..)
        get_filename_component (folder ${prefix}${up} ABSOLUTE)
        list (APPEND candidates ${folder})
    endforeach ()
endforeach ()
file (GLOB local ${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch)
list (APPEND candidates ${local})
find_program (AUTEUR_PYTHON python3)
mark_as_advanced (AUTEUR_PYTHON)
if (AUTEUR_PYTHON AND NOT local AND NOT AUTEUR_TORCH)
    execute_process (
        COMMAND ${AUTEUR_PYTHON} -c "import importlib.util as u; print (u.find_spec ('torch').submodule_search_locations[0])"
        OUTPUT_VARIABLE system OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    list (APPEND candidates ${system})
endif ()
set (default "")
foreach (folder ${candidates})
    if (NOT default AND EXISTS ${folder}/include/ATen/ATen.h AND EXISTS ${folder}/lib/libtorch_cpu.so)
        set (default ${folder})
    endif ()
endforeach ()
set (AUTEUR_TORCH "${default}" CACHE PATH
     "LibTorch: an unpacked libtorch/, or a Python's site-packages/torch")
if (NOT AUTEUR_TORCH AND default)
    set_property (CACHE AUTEUR_TORCH PROPERTY VALUE ${default})
endif ()
if (NOT EXISTS "${AUTEUR_TORCH}/include/ATen/ATen.h" OR NOT EXISTS "${AUTEUR_TORCH}/lib/libtorch_cpu.so")
    message (FATAL_ERROR "no LibTorch in \"${AUTEUR_TORCH}\": `make deps` brings one into .venv/ "
             "(tools/torch.sh), -DAUTEUR_TORCH=FOLDER names another, and -DAUTEUR_ENGINE=OFF builds "
             "without the engine")
endif ()

set (libraries "")
foreach (name torch_cuda c10_cuda torch torch_cpu c10)
    if (EXISTS ${AUTEUR_TORCH}/lib/lib${name}.so)
        string (APPEND libraries ",${AUTEUR_TORCH}/lib/lib${name}.so")
    endif ()
endforeach ()
# OpenMP's runtime must be the one that LibTorch has: two would fight for the cores.
file (GLOB openmp ${AUTEUR_TORCH}/lib/libgomp*.so*)
if (openmp)
    list (GET openmp 0 openmp)
    string (APPEND libraries ",${openmp}")
elseif (CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    string (APPEND libraries ",-lgomp")
endif ()

add_library (auteur_torch INTERFACE)
target_include_directories (auteur_torch SYSTEM INTERFACE ${AUTEUR_TORCH}/include)
# One item, so that nothing reorders it. What LibTorch's libraries need themselves they find by their own
# rpaths, which the linker need not follow.
target_link_libraries (auteur_torch INTERFACE
    "-Wl,--push-state,--no-as-needed${libraries},--pop-state,-rpath,${AUTEUR_TORCH}/lib,--allow-shlib-undefined"
    Threads::Threads)
